"""Somebody may merge policies. What goes beyond the ceiling of a machine runs there for nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jitbot.cli.app import app
from jitbot.errors import NoWarrant
from jitbot.testing.runners import ContractRun
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.ceiling_file import parsed
from tests.pooling import APool, pool
from tests.town import ANN, FakeInputs, FakeRunner, OneRunner, Town

__all__ = ["pool"]

CEILING = 'runners: {fake: {inputs: {what: [{pattern: "[a-z_]+"}], where: [staging], value: [{any: true}]}}}'
MERGED = """
team: payments
channel: "#payments-oncall"
actions:
  poke:
    runner: fake
    with: {what: api, where: WHERE}
    requesters: [group:engineering]
    rules: [{name: free, allow: true}]
"""
HOME = (
    "runners: {command: {inputs: {argv: [[/opt/acme/restart, {pattern: 'api|worker'}]]}}}\nhosts: [api.example.com]\n"
)
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  poke:
    runner: command
    with: {argv: [/opt/acme/restart, "{service}"]}
    parameters: {service: {type: TYPE}}
    requesters: [group:engineering]
    rules: [{name: one, review: [{from: [group:engineering], count: 1}]}]
"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path)
    town.gate._ceiling = parsed("ceiling.yml", CEILING)
    yield town
    town.close()


def test_a_merged_policy_beyond_the_ceiling_gets_nothing_planned_or_run(town: Town) -> None:
    planned: list[object] = []
    town.runner.on_plan = planned.append
    town.write("mine.yml", MERGED.replace("WHERE", "prod"))
    assert town.book.fault == "", "the policy itself is in order"
    answer = town.try_to_ask(ANN, "poke")
    said = answer.text or "\n".join(town.said("notice"))
    assert "beyond the ceiling of this machine: it does not allow this `where` of fake" in said
    assert (planned, town.runner.started) == ([], [])


def test_what_keeps_below_the_ceiling_runs(town: Town) -> None:
    town.write("mine.yml", MERGED.replace("WHERE", "staging"))
    town.ask(ANN, "poke")
    assert len(town.runner.started) == 1


def test_a_worker_keeps_below_its_own_ceiling_whatever_the_service_has_signed(pool: APool) -> None:
    """The service itself may be taken over: the ceiling is the worker's."""
    pool.ceiling = Ceiling({"fake": {"what": ["api"], "where": ["staging"]}})
    there = FakeRunner()
    service = pool.runners(OneRunner(FakeRunner())).runner("fake")
    with pool.worker(OneRunner(there)), pytest.raises(NoWarrant, match="beyond the ceiling of this machine"):
        service.start(FakeInputs(what="api", where="prod"), ContractRun())
    assert there.started == []
    assert pool.signed, "it had a warrant"


def check(folder: Path, policy: str, *more: str) -> tuple[int, str]:
    """Run `jitbot policy check --ceiling` as an author would."""
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "payments.yml").write_text(policy)
    (policies / "people.yml").write_text("groups: {engineering: [U0ANN, U0BO]}")
    (folder / "ceiling.yml").write_text(HOME)
    result = CliRunner().invoke(
        app, ["policy", "check", str(policies), "--ceiling", str(folder / "ceiling.yml"), *more]
    )
    return result.exit_code, result.output or str(result.exception)


def test_an_author_is_told_beforehand_what_would_be_refused(tmp_path: Path) -> None:
    worker = POLICY.replace("TYPE", "choice, options: [api, db]")
    code, said = check(tmp_path, worker)
    assert code == 1
    assert "payments.yml:5: ceiling: poke: it does not allow this `argv` of command (with service = db)." in said
    assert check(tmp_path, worker.replace("db]", "worker]"))[0] == 0


def test_an_author_is_told_what_hangs_on_what_somebody_types(tmp_path: Path) -> None:
    code, said = check(tmp_path, POLICY.replace("TYPE", "text"))
    assert code == 0
    assert "it does not allow this `argv` of command, unless what is typed for service fits." in said


def test_an_author_is_told_of_inputs_secrets_and_hosts_that_are_not_in_it(tmp_path: Path) -> None:
    more = 'argv: [/opt/acme/restart, api, "https://evil.example.com/x"], variables: {K: {secret: root-key}}'
    code, said = check(tmp_path, POLICY.replace('argv: [/opt/acme/restart, "{service}"]', more).replace("TYPE", "text"))
    assert code == 1
    for words in (
        "the input `variables`",
        "the secret root-key is not in it",
        "the host evil.example.com is not in it",
    ):
        assert words in said


def test_a_ceiling_is_for_the_pool_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = POLICY.replace("TYPE", "choice, options: [api, db]")
    assert "There is no pool prod-eu" in check(tmp_path, worker, "--pool", "prod-eu")[1]
    monkeypatch.setenv("JITBOT_POOLS", "prod-eu")
    assert check(tmp_path, worker, "--pool", "prod-eu")[0] == 0, "nothing of it runs there"
    assert check(tmp_path, worker.replace("runner:", "pool: prod-eu\n    runner:"), "--pool", "prod-eu")[0] == 1
    assert "cannot be read" in check(tmp_path, worker, "--ceiling", str(tmp_path / "none.yml"))[1]


def test_each_of_many_targets_is_tried_by_itself(tmp_path: Path) -> None:
    many = POLICY.replace("TYPE", "multi-choice, options: [api, worker]").replace(
        "requesters", "for_each: service\n    requesters"
    )
    assert check(tmp_path, many)[0] == 0
    assert check(tmp_path, many.replace("worker]", "db]"))[0] == 1
