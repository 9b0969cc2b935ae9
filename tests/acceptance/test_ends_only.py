"""Bad policies at start-up: what runs still ends, nothing new begins."""

import pytest

from jitbot.errors import Unavailable
from jitbot.model import DeliveryKind, State, UndoCause
from tests.acceptance.killing import Killed
from tests.town import ANN, BO, DI, POLICY, Town


@pytest.fixture
def broken(town: Town) -> Town:
    """Let a grant be held and another request wait; then come back with policies that cannot be read."""
    town.ask(ANN, "tune", value=200)
    town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(
        town.take_in(DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "staging"}, reason="x")
    )
    town.files = {**town.files, "payments.yml": "team: payments\nactons: {}\n"}
    town.restart()
    town.settle()
    return town


def test_what_is_held_still_ends_on_time(broken: Town) -> None:
    grant = broken.ledger.find()[-1]
    assert grant.state is State.ACTIVE
    broken.forward(minutes=31)
    broken.settle()
    assert broken.state(grant) is State.EXPIRED
    assert broken.runner.world["prod/work_mem"] == 100


def test_what_is_held_can_still_be_dropped(broken: Town) -> None:
    grant = broken.ledger.find()[-1]
    broken.drop(ANN, grant)
    assert broken.see(grant).undo_cause is UndoCause.DROP
    assert broken.state(grant) is State.REVOKED


def test_new_requests_are_refused_with_the_file_and_line(broken: Town) -> None:
    answer = broken.try_to_ask(ANN, "tune", value=300)
    assert (answer.refused, answer.request) == (True, None)
    assert "payments.yml:1:1" in answer.text
    with pytest.raises(Unavailable, match=r"payments\.yml:1:1"):
        broken.service.queries.offered(ANN)


def test_nothing_that_waits_is_approved_or_denied_meanwhile(broken: Town) -> None:
    waiting = broken.ledger.find()[1]
    for answer in (broken.approve(BO, waiting), broken.deny(DI, waiting)):
        assert answer.refused
        assert "payments.yml:1:1" in answer.text
    assert broken.state(waiting) is State.PENDING


def test_what_is_approved_already_waits_and_runs_once_the_policies_are_mended(broken: Town) -> None:
    approved = broken.ledger.find()[0]
    assert (broken.state(approved), len(broken.runner.started)) == (State.APPROVED, 1)
    broken.write("payments.yml", POLICY)
    broken.forward(seconds=16)
    broken.settle()
    assert broken.state(approved) is State.SUCCEEDED


def test_what_was_being_decided_waits_and_is_decided_once_the_policies_are_mended(town: Town) -> None:
    town.take_in(DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "staging"}, reason="x")
    good = town.files

    def die(_: object) -> None:
        raise Killed

    town.runner.on_plan = die
    town.restart()  # whoever took it in has died
    town.forward(seconds=11)
    town.service.sweep.tick()
    with pytest.raises(Killed):
        town.service.sweep.delivery(town.queue.items.popleft()[1])
    town.runner.on_plan = lambda inputs: None
    town.forward(seconds=21)
    town.files = {**good, "payments.yml": "team: payments\n"}
    town.restart()
    town.settle()
    request = town.ledger.find()[0]
    assert request.state is State.DECIDING
    town.write("payments.yml", good["payments.yml"])
    town.forward(seconds=16)
    town.settle()
    assert town.state(request) is State.SUCCEEDED


def test_a_bad_edit_later_changes_nothing(town: Town) -> None:
    town.write("payments.yml", "team: payments\nactons: {}\n")
    assert town.book.fault.startswith("payments.yml:1:1")
    assert not town.book.ends_only
    assert town.state(town.ask(ANN, "restart", service="api", env="staging")) is State.SUCCEEDED


def test_a_fault_goes_when_it_is_mended(town: Town) -> None:
    good = town.files["payments.yml"]
    town.write("payments.yml", "team: payments\n")
    assert town.book.fault
    town.write("payments.yml", good)
    assert town.book.fault == ""
