"""Who takes a delivery in has it in hand for some seconds: nobody else begins with it, and it is not claimed again."""

from typing import Any

import pytest

from jitbot.elapsed import seconds
from jitbot.model import DeliveryKind, State
from jitbot.service.intake import FORGOTTEN
from jitbot.store.deliveries import OVERLAP
from jitbot.store.rotation import Rotation
from tests.town import ANN, BO, Town

BODY = {"action": "restart", "params": {"service": "api", "env": "staging"}, "reason": "INC-1"}
LATER = FORGOTTEN.total_seconds() + 1


def later(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have so much time go by, for the database and for this process."""
    town.forward(seconds=LATER)
    monkeypatch.setattr(town.world.claims, "clock", lambda: seconds() + LATER)


def test_it_is_worked_on_without_being_claimed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def claimed(key: str) -> Any:
        raise AssertionError(f"{key} was claimed")

    key = town.take_in(DeliveryKind.ASK, ANN, **BODY)
    with monkeypatch.context() as patched:
        patched.setattr(town.inbox, "get", claimed)
        answer = town.service.intake.work(key)
    assert answer is not None
    assert answer.request is not None
    assert town.service.intake.work(key) is None, "once is enough"


def test_nobody_else_has_it_meanwhile(town: Town) -> None:
    key = town.take_in(DeliveryKind.ASK, ANN, **BODY)
    other = town.twin()
    try:
        assert other.service.intake.work(key) is None
        assert other.inbox.waiting(10) == []
        assert town.service.intake.work(key) is not None
    finally:
        other.close()


def test_who_comes_too_late_leaves_it_to_whoever_has_claimed_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    key = town.take_in(DeliveryKind.ASK, ANN, **BODY)
    later(town, monkeypatch)
    other = town.twin()
    try:
        assert other.inbox.get(key) is not None
        assert town.service.intake.work(key) is None
    finally:
        other.close()
    assert town.ledger.find() == []


def test_who_comes_late_and_first_claims_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    key = town.take_in(DeliveryKind.ASK, ANN, **BODY)
    later(town, monkeypatch)
    assert town.service.intake.work(key) is not None


def test_what_nobody_came_for_is_forgotten_here_and_done_by_the_sweep(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        town.take_in(DeliveryKind.ASK, ANN, **BODY)
    later(town, monkeypatch)
    town.take_in(DeliveryKind.ASK, ANN, **BODY)
    assert len(town.service.intake._held) == 1
    town.settle()
    assert len(town.ledger.find()) == 3


@pytest.mark.parametrize("late", [False, True], ids=["soon", "late"])
def test_a_click_that_waits_while_the_key_is_rotated_counts_for_some_minutes(town: Town, late: bool) -> None:
    """Whoever took it in has died, and by the time that it is worked on another key signs."""
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=request.revision)
    town.restart()
    Rotation(town.folder / "signing.key", town.ledger, town.trail).rotate()
    town.forward(seconds=OVERLAP.total_seconds() + 1 if late else LATER)
    town.settle()
    assert town.state(request) is (State.PENDING if late else State.SUCCEEDED)
    assert len([each for each in town.said("alarm") if "A CLICK WAS NOT WORKED ON" in each]) == late
