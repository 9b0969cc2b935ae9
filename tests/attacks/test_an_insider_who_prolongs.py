"""An insider who writes the database to hold something for longer: it ends when its signed record says, and is told."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from jitbot.errors import Conflict, RunnerUnsure
from jitbot.model import DeliveryKind, Request, RequestId, State, UndoCause
from jitbot.ports import Run
from jitbot.store import tables
from tests.acceptance.test_tampering import bend, bend_row
from tests.town import ANN, BO, CY, DI, FakeInputs, Town

LATER = datetime(2040, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
TARGET = "prod/work_mem"


@pytest.fixture
def held(town: Town) -> Request:
    """Have Ann hold something for half an hour."""
    held = town.see(town.ask(ANN, "tune", value=200))
    assert (held.state, town.runner.world[TARGET]) == (State.ACTIVE, 200)
    return held


def go_by(town: Town, *, minutes: int = 40) -> None:
    """Let time pass as a running jitbot does, half a minute and more at once."""
    for _ in range(minutes // 5):
        town.forward(minutes=5)
        settle(town)


def settle(town: Town) -> None:
    """Work off what is due; what cannot be read keeps nothing else from it, as in a running process."""
    for _ in range(6):
        with suppress(ValueError, LookupError):
            town.service.sweep.tick()
        for _, key in dict.fromkeys(town.queue.items):
            with suppress(ValueError, LookupError):
                town.service.sweep.attend(key)
        town.queue.items.clear()


def alarmed(town: Town) -> bool:
    return any("Look at the audit record" in each for each in town.said("alarm"))


def raw(town: Town, statement: str) -> None:
    bend(town, lambda db: db.execute(text(statement)))


BENT = {
    "it is never due": "UPDATE requests SET due_at = NULL",
    "it is due in years": "UPDATE requests SET due_at = '2040-01-01T00:00:00.000000+00:00'",
    "it ends in years": "UPDATE requests SET expires_at = '2040-01-01T00:00:00.000000+00:00', due_at = expires_at",
    "it never ends": "UPDATE requests SET expires_at = NULL, due_at = NULL",
    "it has ended": "UPDATE requests SET state = 'expired', due_at = NULL",
    "it was withdrawn": "UPDATE requests SET state = 'withdrawn', due_at = NULL",
    "it was never started": "UPDATE requests SET state = 'pending', due_at = NULL",
    "it is being ended": "UPDATE requests SET state = 'undoing', due_at = NULL",
    "it is newer code's": "UPDATE requests SET needs = '9999'",
    "it cannot be read": "UPDATE requests SET snapshot = '[]'",
    "its state is none": "UPDATE requests SET state = 'bogus'",
    "it is gone": "PRAGMA foreign_keys=OFF",
}


@pytest.mark.parametrize("change", BENT.values(), ids=BENT)
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "while it is down"])
def test_a_grant_ends_on_time_whatever_its_row_says(town: Town, held: Request, change: str, restarted: bool) -> None:
    town.forward(minutes=1)
    town.settle()
    raw(town, change)
    if "PRAGMA" in change:
        for table in (tables.output_chunks, tables.outputs, tables.requests):
            bend(town, lambda db, table=table: db.execute(delete(table)))  # type: ignore[misc]
    if restarted:
        town.restart()
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert town.state(held) is State.EXPIRED
    assert alarmed(town)


def test_a_claim_that_nobody_has_made_does_not_hold_an_end_up(town: Town, held: Request) -> None:
    for _ in range(12):
        bend_row(town, held, lease_until=town.ledger.now() + timedelta(minutes=5), owner="nobody")
        town.forward(minutes=3, seconds=1)
        town.settle()
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


def test_what_ends_by_itself_is_left_alone(town: Town, held: Request) -> None:
    go_by(town)
    assert town.state(held) is State.EXPIRED
    assert len(town.runner.undone) == 1
    assert not alarmed(town)


def test_what_was_extended_is_held_until_its_new_end(town: Town, held: Request) -> None:
    town.extend(ANN, held, "1h")
    go_by(town, minutes=60)
    assert town.state(held) is State.ACTIVE
    go_by(town, minutes=60)
    assert town.state(held) is State.EXPIRED
    assert not alarmed(town)


def test_what_cannot_be_undone_yet_is_no_tampering(town: Town, held: Request) -> None:
    def fail(inputs: FakeInputs, run: Run) -> None:
        raise RunnerUnsure("not now")

    town.runner.on_undo = fail
    go_by(town)
    assert town.state(held) is State.UNDOING
    assert "tampered" not in town.kinds(held)


@pytest.mark.parametrize("tries", [1, 3])
def test_a_grant_with_a_foreign_event_in_its_record_is_ended_by_its_own(town: Town, held: Request, tries: int) -> None:
    def fail(inputs: FakeInputs, run: Run) -> None:
        failed.append(run.key)
        if len(failed) < tries:
            raise RunnerUnsure("not now")

    failed: list[str] = []
    town.runner.on_undo = fail
    town.ask(BO, "restart", service="api", env="staging")
    foreign = select(tables.events.c.seq).where(tables.events.c.request == held.id + 1).limit(1).scalar_subquery()
    bend(
        town, lambda db: db.execute(update(tables.events).where(tables.events.c.seq == foreign).values(request=held.id))
    )
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


def test_where_its_record_says_nothing_any_more_it_is_told_that_nobody_knows_its_end(town: Town, held: Request) -> None:
    raw(town, "UPDATE events SET body = '{}' WHERE request = 1")
    bend_row(town, held, due_at=None)
    go_by(town)
    assert any("it cannot be told when this ends" in each for each in town.said("alarm"))


def test_what_newer_code_has_in_hand_is_left_to_it(town: Town, held: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(request: RequestId) -> Request:
        raise Conflict("only a newer jitbot understands this request")

    bend_row(town, held, needs="9999")
    monkeypatch.setattr(town.trail, "salvaged", newer)
    go_by(town)
    assert "tampered" not in town.kinds(held)
    monkeypatch.undo()
    go_by(town)
    assert town.runner.world[TARGET] == 100


def test_what_moves_while_it_is_looked_at_is_left_alone(town: Town, held: Request) -> None:
    bend_row(town, held, due_at=None)
    town.forward(minutes=31)
    salvaged, seen = town.trail.salvaged, []

    def late(request: RequestId) -> Request:
        seen.append(salvaged(request))
        if len(seen) == 1:
            town.drop(BO, held)
        return seen[0] if len(seen) == 1 else salvaged(request)

    town.forward(minutes=2)
    town.trail.salvaged = late  # type: ignore[method-assign]
    town.service.sweep.tick()
    assert len(seen) >= 2


PENDING = {"state": State.PENDING, "due_at": None}


def test_a_grant_whose_row_waits_again_is_not_forgotten_by_withdrawing_it(town: Town, held: Request) -> None:
    bend_row(town, held, **PENDING)
    assert not town.withdraw(ANN, held).refused
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


def test_nor_by_letting_it_lapse(town: Town, held: Request) -> None:
    bend_row(town, held, state=State.PENDING, lapses_at=held.created_at, due_at=held.created_at)
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


def test_nor_by_missing_its_start(town: Town, held: Request) -> None:
    bend_row(town, held, state=State.APPROVED, start_by=held.created_at, due_at=held.created_at)
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


def test_nor_is_it_started_again_by_being_decided_again(town: Town, held: Request) -> None:
    bend_row(town, held, state=State.PENDING, due_at=held.created_at)
    go_by(town)
    assert len(town.runner.started) == 1
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


@pytest.mark.parametrize("state", [State.ACTIVE, State.UNDOING])
def test_what_was_never_started_is_not_undone(town: Town, state: State) -> None:
    asked = town.ask(ANN, "admin")
    cause = UndoCause.EXPIRY if state is State.UNDOING else None
    bend_row(town, asked, state=state, expires_at=asked.created_at, due_at=asked.created_at, undo_cause=cause)
    go_by(town)
    assert town.runner.undone == []
    assert town.said("alarm")


def test_what_is_drawn_out_while_it_starts_is_held_no_longer(town: Town) -> None:
    def draw_out(inputs: FakeInputs, run: Run) -> None:
        bend(town, lambda db: db.execute(update(tables.requests).values(ttl=MONTH, expires_at=LATER)))

    town.runner.on_start = draw_out
    town.ask(ANN, "tune", value=200)
    go_by(town)
    assert town.runner.world[TARGET] == 100


@pytest.fixture
def unsure(town: Town) -> Request:
    def no_answer() -> None:
        raise RunnerUnsure("no answer")

    asked = town.ask(ANN, "admin")
    town.approve(BO, asked)
    town.runner.after_start = no_answer
    town.approve(DI, asked)
    return town.see(asked)


def test_what_is_drawn_out_while_nobody_knows_is_held_no_longer(town: Town, unsure: Request) -> None:
    assert unsure.state is State.UNSURE
    bend_row(town, unsure, ttl=MONTH, expires_at=LATER)
    assert not town.settle_unsure(CY, unsure, happened=True).refused
    assert town.state(unsure) is State.ACTIVE
    go_by(town, minutes=60)
    assert town.runner.world["prod/admin"] == 100


def test_what_has_no_record_any_more_is_not_settled(town: Town, unsure: Request) -> None:
    raw(town, "UPDATE events SET body = '{}' WHERE request = 1")
    key = town.take_in(DeliveryKind.SETTLE, CY, unsure.id, happened=True)
    assert town.service.intake.work(key) is None
    assert town.state(unsure) is State.UNSURE


def a_copy(town: Town, of: Request, **changes: Any) -> None:
    """Put a row beside another that says that somebody else has the same."""

    def change(db: Any) -> None:
        row = dict(db.execute(select(tables.requests).where(tables.requests.c.id == of.id)).one()._mapping)
        db.execute(insert(tables.requests).values(**row | {"id": 77, "due_at": None} | changes))

    bend(town, change)


@pytest.mark.parametrize("state", [State.ACTIVE, State.RUNNING])
def test_no_end_is_left_to_somebody_who_holds_nothing(town: Town, held: Request, state: State) -> None:
    a_copy(town, held, state=state)
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert town.state(held) is State.EXPIRED
    assert alarmed(town)


def test_who_gives_it_up_in_the_same_moment_is_no_tampering(town: Town, held: Request) -> None:
    other = town.ask(CY, "tune", value=200, ttl="2h")
    signed = town.trail.signed

    def late(request: RequestId) -> Request:
        if request == other.id and town.state(other) is State.ACTIVE:
            town.service.intake.work(town.take_in(DeliveryKind.DROP, CY, other.id))
        return signed(request)

    town.trail.signed = late  # type: ignore[method-assign]
    go_by(town)
    assert (town.state(held), town.state(other)) == (State.EXPIRED, State.REVOKED)
    assert not alarmed(town)


def test_nor_to_somebody_whose_hold_is_over(town: Town, held: Request) -> None:
    other = town.ask(CY, "tune", value=200, ttl="10m")
    go_by(town, minutes=15)
    assert town.state(other) is State.EXPIRED
    bend_row(town, other, state=State.ACTIVE)
    go_by(town)
    assert town.runner.world[TARGET] == 100
    assert alarmed(town)


def test_what_was_there_before_is_taken_from_the_record(town: Town, held: Request) -> None:
    bend_row(town, held, receipt={"before": 666})
    town.ask(CY, "tune", value=200, ttl="1h")
    assert len(town.runner.started) == 2
    go_by(town, minutes=80)
    assert town.runner.world[TARGET] == 100


def test_nothing_starts_on_what_a_holder_left_where_its_record_does_not_hold(town: Town, held: Request) -> None:
    raw(town, "UPDATE events SET salt = NULL WHERE request = 1")
    other = town.ask(CY, "tune", value=200, ttl="1h")
    assert town.state(other) is not State.ACTIVE
    assert len(town.runner.started) == 1
