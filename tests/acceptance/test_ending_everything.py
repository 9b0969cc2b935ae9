"""Whom guardrails let end everything: they end what nobody else may end, and decide nothing by it."""

import pytest

from jitbot.errors import NotPermitted, RunnerUnsure
from jitbot.model import DeliveryKind, Request, Standing, State, UndoCause
from jitbot.ports import Run
from jitbot.service import runlog
from tests.town import ANN, DI, EVE, FakeInputs, Town

OPERATORS = "guardrails: []\nmay_end: [group:sre]\n"


@pytest.fixture
def watched(town: Town) -> Town:
    """Give a town where Eve, who may neither ask nor review, may end everything."""
    town.write("people.yml", town.files["people.yml"] + "  sre: ['@sre']\n")
    town.write("guardrails.yml", OPERATORS)
    town.directory.usergroups["sre"] = {EVE}
    return town


@pytest.fixture
def grant(watched: Town) -> Request:
    """Give a grant that nobody had to review, so that nobody but Ann could end it."""
    return watched.ask(ANN, "tune", value=200)


def test_they_end_a_grant_that_nobody_reviewed(watched: Town, grant: Request) -> None:
    watched.drop(EVE, grant)
    ended = watched.see(grant)
    assert (ended.state, ended.undo_cause) == (State.REVOKED, UndoCause.REVOCATION)
    assert watched.runner.world == {"prod/work_mem": 100}
    [revoked] = [event for event in watched.trail.events(grant.id) if event.kind == "revoke"]
    assert revoked.body["by"] == EVE
    watched.trail.verify()


def test_they_see_what_they_may_end(watched: Town, grant: Request) -> None:
    assert watched.service.queries.visible(EVE, grant.id).id == grant.id
    watched.edit("may_end: [group:sre]", "", "guardrails.yml")
    with pytest.raises(NotPermitted):
        watched.service.queries.visible(EVE, grant.id)


def test_they_stop_what_runs(watched: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlog, "LOOK_SECONDS", 0.0)
    watched.runner.stoppable = True
    watched.restart()

    def on_start(inputs: FakeInputs, run: Run) -> None:
        watched.service.intake.work(watched.take_in(DeliveryKind.DROP, EVE, 1))
        assert run.stopping()
        raise RunnerUnsure("stopped in the middle")

    watched.runner.on_start = on_start
    request = watched.ask(ANN, "restart", service="api", env="staging")
    assert (watched.state(request), watched.see(request).stopped_by) == (State.ROLLED_BACK, EVE)


def test_nobody_else_may_and_is_told_who(watched: Town, grant: Request) -> None:
    refused = watched.drop(DI, grant)
    assert refused.text == "Only who asked for JIT-1, who may approve it, or sre can end it."
    assert watched.state(grant) is State.ACTIVE


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER, Standing.DEACTIVATED, Standing.BOT])
def test_only_members_of_the_workspace_may(watched: Town, grant: Request, standing: Standing) -> None:
    watched.directory.set(EVE, standing)
    assert watched.drop(EVE, grant).refused
    assert watched.state(grant) is State.ACTIVE


def test_a_group_that_cannot_be_read_is_no_answer(watched: Town, grant: Request) -> None:
    del watched.directory.usergroups["sre"]
    assert "could not be looked up just now" in watched.drop(EVE, grant).text
    assert watched.state(grant) is State.ACTIVE


def test_they_neither_ask_nor_approve_nor_deny_nor_settle_by_it(watched: Town) -> None:
    assert "Only engineering may ask" in watched.try_to_ask(EVE, "tune", value=200).text
    waiting = watched.ask(ANN, "restart", service="api", env="prod")
    for click in (watched.approve, watched.deny):
        assert click(EVE, waiting).refused
    assert watched.state(waiting) is State.PENDING

    def lose(inputs: FakeInputs, run: Run) -> None:
        raise RunnerUnsure("no answer")

    watched.runner.on_start = lose
    unsure = watched.ask(ANN, "restart", service="worker", env="staging")
    assert watched.state(unsure) is State.UNSURE
    assert "Only who may approve" in watched.settle_unsure(EVE, unsure, happened=True).text
    assert watched.state(unsure) is State.UNSURE
