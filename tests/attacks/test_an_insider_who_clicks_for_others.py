"""An insider who writes the inbox: a click counts only as what one of us has taken in, and only once."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, select, update

from jitbot.audit import Signer
from jitbot.model import Delivery, DeliveryKind, RequestId, State
from jitbot.store import tables
from jitbot.store.deliveries import seal
from tests.acceptance.test_tampering import bend
from tests.town import ANN, BO, CY, Town


def rows(town: Town) -> list[dict[str, Any]]:
    with town.database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(tables.inbox))]


def left_over(town: Town, kind: DeliveryKind, user: str, request: int | None = None, **body: Any) -> str:
    """Have something taken in by a process that is killed then, and wait until nobody is at it any more."""
    key = town.take_in(kind, user, request, **body)  # type: ignore[arg-type]
    town.restart()
    town.forward(minutes=1)
    return key


def put(town: Town, delivery: Delivery, sealed: str = "") -> None:
    row = {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}
    bend(town, lambda db: db.execute(insert(tables.inbox).values(**row, attempts=0, seal=sealed)))


def alarms(town: Town) -> list[str]:
    return [text for text in town.said("alarm") if "A CLICK WAS NOT WORKED ON" in text]


def test_what_a_killed_process_took_in_is_worked_on_by_the_next(town: Town) -> None:
    asked = town.ask(ANN, "restart", service="api", env="prod")
    left_over(town, DeliveryKind.APPROVE, BO, asked.id, revision=1)
    town.settle()
    assert town.state(asked) is State.SUCCEEDED
    assert alarms(town) == []


@pytest.mark.parametrize("signed", [False, True], ids=["without a signature", "signed with a key of their own"])
def test_a_click_that_nobody_made_counts_for_nothing(town: Town, signed: bool) -> None:
    asked = town.ask(ANN, "restart", service="api", env="prod")
    forged = Delivery("k", DeliveryKind.APPROVE, BO, "T0ACME", {"revision": 1}, town.ledger.now(), asked.id)
    put(town, forged, seal(forged, Signer(Ed25519PrivateKey.generate())) if signed else "")
    town.settle()
    assert (town.state(asked), town.runner.started) == (State.PENDING, [])
    assert len(alarms(town)) == 1
    assert [row["done_at"] is not None for row in rows(town) if row["key"] == "k"] == [True], "it is put aside"


@pytest.mark.parametrize(
    "column, value",
    {
        "key": "another",
        "kind": DeliveryKind.APPROVE,
        "user": BO,
        "team": "T0EVIL",
        "request": RequestId(2),
        "body": {"revision": 1, "comment": "another"},
    }.items(),
)
def test_a_click_that_was_changed_counts_for_nothing(town: Town, column: str, value: Any) -> None:
    asked = town.ask(ANN, "restart", service="api", env="prod")
    town.ask(ANN, "restart", service="worker", env="prod")
    left_over(town, DeliveryKind.DENY, CY, asked.id, revision=1, comment="no")
    bend(
        town,
        lambda db: db.execute(update(tables.inbox).where(tables.inbox.c.done_at.is_(None)).values({column: value})),
    )
    town.settle()
    assert [town.ledger.get(RequestId(each)).state for each in (1, 2)] == [State.PENDING, State.PENDING]
    assert len(alarms(town)) == 1


def test_the_time_of_a_click_cannot_be_changed(town: Town) -> None:
    asked = town.ask(ANN, "restart", service="api", env="prod")
    town.forward(minutes=61)
    left_over(town, DeliveryKind.APPROVE, BO, asked.id, revision=1)
    early = update(tables.inbox).where(tables.inbox.c.done_at.is_(None)).values(received_at=asked.created_at)
    bend(town, lambda db: db.execute(early))
    town.settle()
    assert town.runner.started == []
    assert len(alarms(town)) == 1


def asked_once(town: Town) -> None:
    """Have something asked for that nobody has to approve, and other things happen afterwards."""
    town.ask(ANN, "restart", service="api", env="staging")
    town.ask(BO, "tune", value=7)
    assert len(town.runner.started) == 2


AGAIN = update(tables.inbox).where(tables.inbox.c.user == ANN).values(done_at=None, lease_until=None)


def test_what_was_asked_for_once_is_not_asked_for_again(town: Town) -> None:
    asked_once(town)
    bend(town, lambda db: db.execute(AGAIN))
    town.settle()
    assert len(town.runner.started) == 2
    assert len(alarms(town)) == 1


def test_nor_with_a_row_that_was_deleted_and_put_back_much_later(town: Town) -> None:
    asked_once(town)
    row = next(row for row in rows(town) if row["user"] == ANN)
    bend(town, lambda db: db.execute(delete(tables.inbox)))
    town.forward(days=300)
    town.settle()
    bend(town, lambda db: db.execute(insert(tables.inbox).values(**row | {"done_at": None, "lease_until": None})))
    town.settle()
    assert len(town.runner.started) == 2
    assert len(alarms(town)) == 1


def test_nor_where_the_record_has_deleted_what_it_said(town: Town) -> None:
    asked_once(town)
    row = next(row for row in rows(town) if row["user"] == ANN)
    town.forward(days=500)
    town.settle()
    assert all(event.deleted for event in town.trail.events() if event.request == 1)
    bend(town, lambda db: db.execute(delete(tables.inbox)))
    bend(town, lambda db: db.execute(insert(tables.inbox).values(**row | {"done_at": None, "lease_until": None})))
    town.settle()
    assert len(town.runner.started) == 2
    assert len(alarms(town)) == 1


@pytest.mark.parametrize("bent", ["body", "at", "gone"])
def test_nor_where_the_event_that_says_so_was_changed(town: Town, bent: str) -> None:
    asked_once(town)
    said = next(event.seq for event in town.trail.events() if "delivery" in event.body)
    row = tables.events.c.seq == said
    long_ago = town.ledger.now().replace(year=2001)
    change: Any = delete(tables.events).where(row)
    if bent != "gone":
        change = update(tables.events).where(row).values({bent: long_ago if bent == "at" else "{}"})
    bend(town, lambda db: db.execute(change))
    bend(town, lambda db: db.execute(AGAIN))
    town.settle()
    assert len(town.runner.started) == 2
    assert len(alarms(town)) == 1


def test_what_another_process_has_just_done_is_no_alarm(town: Town) -> None:
    asked = town.ask(ANN, "restart", service="api", env="prod")
    key = left_over(town, DeliveryKind.APPROVE, BO, asked.id, revision=1)
    twin = town.twin()
    settled = town.trail.settled

    def late(delivery: str, since: Any) -> bool:
        town.trail.settled = settled  # type: ignore[method-assign]
        twin.forward(minutes=1)
        twin.service.intake.work(key)
        return settled(delivery, since)

    town.trail.settled = late  # type: ignore[method-assign]
    assert town.service.intake.work(key) is None
    twin.close()
    town.forward(minutes=2)
    town.settle()
    assert town.state(asked) is State.SUCCEEDED
    assert alarms(town) == []


def test_what_somebody_else_has_put_aside_is_told_once(town: Town) -> None:
    forged = Delivery("k", DeliveryKind.LIFT, BO, "T0ACME", {}, town.ledger.now())
    put(town, forged)
    twin = town.twin()
    begin = town.ledger.begin

    def late() -> Any:
        town.ledger.begin = begin  # type: ignore[method-assign]
        twin.forward(minutes=1)
        twin.service.intake.work("k")
        return begin()

    town.ledger.begin = late  # type: ignore[method-assign]
    assert town.service.intake.work("k") is None
    twin.close()
    assert [event.kind for event in town.trail.events()].count("tampered") == 1
