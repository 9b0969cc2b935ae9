"""The starter passes its own check and cases, whatever is in the folder already, and touches none of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jitbot.errors import InvalidInput, PolicyError
from jitbot.model import Policy
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load, read
from jitbot.runners.registry import Registry
from jitbot.workbench.formatting import format_folder
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.starter import start
from jitbot.workbench.suite import run_cases
from tests.fake_sources import FakeSource, FakeSources

Opener = Callable[[Path], Callable[[], Bench]]


@pytest.fixture
def opener() -> Opener:
    def opened(folder: Path) -> Callable[[], Bench]:
        catalog, sources = Registry(["command"], EnvironmentSite(())), FakeSources(FakeSource())
        return lambda: Bench(load(read(folder), catalog, sources), catalog, sources)

    return opened


def files(folder: Path) -> Mapping[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_an_empty_folder_becomes_a_whole_set_with_every_rule_reached(tmp_path: Path, opener: Opener) -> None:
    folder = tmp_path / "new"
    written = start("payments", folder, opener(folder))
    assert [path.name for path in written] == ["payments.yml", "payments.cases.yml", "people.yml", "guardrails.yml"]
    tested = run_cases(folder, opener(folder)())
    assert (tested.failed, tested.unreached) == ([], [])
    assert len(tested.judged) == 7
    assert format_folder(folder, write=False) == []


@pytest.mark.parametrize(
    ("groups", "askers", "approvers"),
    [
        ("{engineering: [], db-leads: []}", "engineering", "db-leads"),
        ("{sre: [], db: [], db-oncall: []}", "db", "db-oncall"),
        ("{a: [], b: []}", "a", "b"),
        ("{a: [U0A]}", "a", "a"),
    ],
    ids=["likely names", "the team's own", "any names", "one group"],
)
def test_the_groups_that_are_there_are_used(
    tmp_path: Path, opener: Opener, groups: str, askers: str, approvers: str
) -> None:
    (tmp_path / "people.yaml").write_text(f"groups: {groups}\n")
    (tmp_path / "guardrails.yml").write_text("guardrails: []\n")
    before = files(tmp_path)
    start("db", tmp_path, opener(tmp_path))
    policy: Policy = opener(tmp_path)().policy
    assert [str(who) for who in policy.actions["db-restart"].requesters] == [f"group:{askers}"]
    assert f"group:{approvers}" in files(tmp_path)["db.yml"]
    assert {name: text for name, text in files(tmp_path).items() if not name.startswith("db.")} == before
    assert run_cases(tmp_path, opener(tmp_path)()).failed == []


@pytest.mark.parametrize("team", ["Payments", "people", "guardrails", "9", "a" * 21, "", "a/b"])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path: Path, opener: Opener, team: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a team's file"):
        start(team, tmp_path, opener(tmp_path))


@pytest.mark.parametrize("name", ["db.yml", "db.yaml", "db.cases.yml"])
def test_a_file_that_is_there_is_never_replaced(tmp_path: Path, opener: Opener, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(InvalidInput, match="is there already"):
        start("db", tmp_path, opener(tmp_path))
    assert files(tmp_path) == {name: "mine"}


@pytest.mark.parametrize("text", ["groups: {}\n", "- a\n", "groups: 5\n"])
def test_people_without_groups_are_told_about(tmp_path: Path, opener: Opener, text: str) -> None:
    (tmp_path / "people.yml").write_text(text)
    with pytest.raises(InvalidInput, match="has no groups"):
        start("db", tmp_path, opener(tmp_path))


def test_nothing_is_left_where_the_set_would_have_faults(tmp_path: Path, opener: Opener) -> None:
    (tmp_path / "other.yml").write_text("team: x\n")
    before = files(tmp_path)
    with pytest.raises(PolicyError, match=r"(?s)Nothing was written.*other\.yml:1:1"):
        start("db", tmp_path, opener(tmp_path))
    assert files(tmp_path) == before


def test_nothing_is_left_where_the_guardrails_say_otherwise(tmp_path: Path, opener: Opener) -> None:
    (tmp_path / "guardrails.yml").write_text("guardrails: [{deny: Never.}]\n")
    before = files(tmp_path)
    with pytest.raises(PolicyError, match=r"(?s)the guardrails here say otherwise.*REFUSED"):
        start("db", tmp_path, opener(tmp_path))
    assert files(tmp_path) == before
