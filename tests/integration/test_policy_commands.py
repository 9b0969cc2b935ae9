"""The policy commands as people type them: what is printed, what is written, and how they exit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from jitbot.cli.app import app
from jitbot.errors import JitbotError
from jitbot.settings import variable
from jitbot.store.upgrade import upgrade
from tests.town import ANN, BO, Town

Type = Callable[..., Result]
FAILING = """
people: {ann: {groups: [engineering]}}
cases: [{name: a restart is free, given: {action: restart, as: ann}, expect: {outcome: allow}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the demo's policies."""
    return Path(shutil.copytree("policies", tmp_path / "policies"))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Type:
    monkeypatch.setenv(variable("database_url"), f"sqlite:///{tmp_path}/jitbot.db")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str | Path) -> Result:
        return CliRunner().invoke(app, ["policy", *map(str, words)])

    return run


def said(result: Result) -> str:
    assert isinstance(result.exception, JitbotError), result.output
    return str(result.exception)


def test_the_demo_passes_its_cases_with_every_rule_reached(typed: Type, folder: Path) -> None:
    result = typed("test", folder, "--min-coverage", "100")
    assert result.exit_code == 0
    assert "all as expected" in result.output
    assert "6 of 6 rules are reached by a case (100 %)" in result.output


def test_a_case_that_fails_shows_the_difference_and_the_tree_and_fails_the_command(typed: Type, folder: Path) -> None:
    (folder / "more.cases.yml").write_text(FAILING)
    result = typed("test", folder, "--junit", folder / "out.xml")
    assert result.exit_code == 1
    assert "✗ more.cases.yml:3  a restart is free" in result.output
    assert "outcome   expected  allow" in result.output
    assert "Nobody can approve this: “one on call decides” wants" in result.output
    assert "1 of 19 cases did not come out as expected" in result.output
    assert 'failures="1"' in (folder / "out.xml").read_text()


def test_rules_without_a_case_are_named_and_fail_the_command_when_too_many(typed: Type, folder: Path) -> None:
    (folder / "checkout.cases.yml").write_text(FAILING.replace("outcome: allow", "outcome: deny"))
    result = typed("test", folder)
    assert result.exit_code == 0
    assert "guardrails.yml:6  only people hold privileges" in result.output
    result = typed("test", folder, "--min-coverage", "50")
    assert result.exit_code == 1
    assert "; 50 % are wanted" in result.output


def test_only_some_cases_are_run_and_their_coverage_is_not_judged(typed: Type, folder: Path) -> None:
    result = typed("test", folder, "-k", "guest")
    assert (result.exit_code, result.output) == (0, "1 cases, all as expected.\n")
    assert typed("test", folder, "-k", "no such case").exit_code == 1
    assert typed("test", folder, "-k", "guest", "--min-coverage", "9").exit_code == 2


def test_a_folder_without_cases_says_so(typed: Type, folder: Path) -> None:
    (folder / "checkout.cases.yml").unlink()
    assert "there are no cases (*.cases.yml) in this folder" in said(typed("test", folder))


def test_explaining_prints_the_tree_and_how_to_say_what_is_not_looked_up(typed: Type, folder: Path) -> None:
    words = ("admin", "login=ann", "for=3h", "--as", "U0ANN", "--policies", folder, "--at", "2026-12-24T23:00:00+01:00")
    result = typed("explain", *words, "--approved-by", "U0ANN")
    assert result.exit_code == 0
    assert result.output.startswith("“others ask somebody on call” asks for approval.\nASK 2 PEOPLE · ")
    assert "U0ANN may not review this." in result.output
    assert "group:sre is not looked up here. Say it with --group sre, or --group sre=WHO,WHO." in result.output
    decision = json.loads(typed("explain", *words, "--json").output)
    assert (decision["outcome"], decision["known"]["at"]) == ("review", "2026-12-24T22:00:00Z")


def test_explaining_without_a_time_is_about_now_and_refuses_what_cannot_be_asked(typed: Type, folder: Path) -> None:
    assert typed("explain", "restart", "--as", "U0ANN", "--policies", folder).exit_code == 0
    assert "login is needed" in said(typed("explain", "admin", "--as", "U0ANN", "--policies", folder))
    assert "with its offset" in said(typed("explain", "restart", "--as", "U0ANN", "--at", "noon", "--policies", folder))


def test_a_starter_is_written_once(typed: Type, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert typed("new", "payments", "--policies", new).exit_code == 0
    assert typed("check", new).exit_code == 0
    assert typed("test", new, "--min-coverage", "100").exit_code == 0
    assert "is there already" in said(typed("new", "payments", "--policies", new))


def test_formatting_says_which_files_would_change_before_it_changes_them(typed: Type, folder: Path) -> None:
    assert typed("fmt", folder, "--check").exit_code == 0
    file = folder / "people.yml"
    file.write_text(file.read_text().replace("  sre:", "  sre:   "))
    result = typed("fmt", folder, "--check")
    assert (result.exit_code, result.output) == (1, f"{file} would change\n")
    result = typed("fmt", folder)
    assert (result.exit_code, result.output) == (0, f"{file} written\n")
    assert "laid out as it should be" in typed("fmt", folder).output


def test_the_schemas_are_json(typed: Type) -> None:
    assert json.loads(typed("schema").output)["title"] == "jitbot policy file"
    assert json.loads(typed("schema", "--cases").output)["title"] == "jitbot policy cases"


@pytest.fixture
def lived(tmp_path: Path, folder: Path) -> Path:
    """Let the demo's policies decide two requests, and give the folder of the policies."""
    url = f"sqlite:///{tmp_path}/jitbot.db"
    upgrade(url)
    files = {path.name: path.read_text() for path in folder.iterdir() if ".cases." not in path.name}
    files["checkout.yml"] = "\n".join(
        line.replace("command", "fake") for line in files["checkout.yml"].split("\n") if "_argv" not in line
    )
    for old in ("argv: [python, -m, jitbot.cli.demo_service.ctl, ", "env: [DEMO", "refused: [3]", "target: "):
        kept = (line for line in files["checkout.yml"].split("\n") if old not in line)
        files["checkout.yml"] = "\n".join(kept)
    files["checkout.yml"] = files["checkout.yml"].replace("    with:\n", "    with: {what: x, where: prod}\n")
    town = Town(url, tmp_path, files=files)
    try:
        town.approve(BO, town.ask(ANN, "restart"))
        town.ask(ANN, "restart")
    finally:
        town.close()
    return folder


def test_replaying_prints_whose_decision_changes_and_exits_by_it(typed: Type, lived: Path) -> None:
    result = typed("replay", "--since", "30d", "--against", lived)
    assert result.exit_code == 0, result.output
    assert "0 of 2 requests would be decided otherwise" in result.output
    team = lived / "checkout.yml"
    text = team.read_text()
    team.write_text(text.replace("[{from: [group:checkout-oncall], count: 1}]", "[{from: [group:engineering]}]"))
    result = typed("replay", "--since", "30d", "--against", lived)
    assert result.exit_code == 1
    assert "JIT-1" in result.output
    assert "asks 1 of engineering" in result.output
    plain = json.loads(typed("replay", "--since", "2026-01-01T00:00:00Z", "--against", lived, "--json").output)
    assert (plain["replayed"], len(plain["changes"])) == (2, 2)
    assert plain["changes"][0]["was"]["decision"] == "asks 1 of checkout-oncall"
    team.write_text(text.replace("[{from: [group:checkout-oncall], count: 1}]", "[{from: [group:sre]}]"))
    result = typed("replay", "--since", "30d", "--against", lived)
    assert result.exit_code == 0
    assert "not on record: group:sre" in result.output
    assert "2 more cannot be told" in result.output


def test_an_error_of_replaying_is_told_apart_from_a_change(typed: Type, folder: Path) -> None:
    assert typed("replay", "--since", "soon", "--against", folder).exit_code == 2
    assert typed("replay", "--since", "2026-01-01", "--against", folder).exit_code == 2
    assert typed("replay", "--since", "30d", "--against", folder / "none").exit_code == 2
