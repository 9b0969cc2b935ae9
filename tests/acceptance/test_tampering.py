"""Who can write the database cannot make anything run: rows are believed only as far as their signed record goes."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, insert, select, update

from jitbot.audit import GENESIS, Signer
from jitbot.errors import Tampered
from jitbot.model import (
    WORKERS_OWN,
    Checked,
    DeliveryKind,
    Extension,
    Health,
    HealthState,
    Obligation,
    Progress,
    Request,
    RequestId,
    Review,
    Stage,
    StandIn,
    State,
    UndoCause,
    Verdict,
    Watch,
)
from jitbot.store import tables
from tests.town import ANN, BO, CY, DI, EVE, FakeInputs, Town

LATER = datetime(2040, 1, 1, tzinfo=UTC)

BENT: dict[str, Callable[[Request], Any]] = {
    "id": lambda request: 77,
    "revision": lambda request: request.revision + 1,
    "state": lambda request: State.RUNNING,
    "action": lambda request: "tune",
    "requester": lambda request: CY,
    "team": lambda request: "T0EVIL",
    "beneficiary": lambda request: EVE,
    "source": lambda request: "api",
    "params": lambda request: {"service": "worker", "env": "staging"},
    "reason": lambda request: "another reason",
    "snapshot": lambda request: bent_snapshot(request),
    "digest": lambda request: "0" * 64,
    "created_at": lambda request: LATER,
    "ttl": lambda request: timedelta(days=30),
    "starts_at": lambda request: request.created_at,
    "changed_by": lambda request: CY,
    "quota": lambda request: "staging is self-serve",
    "decision": lambda request: None,
    "policy_digest": lambda request: "0" * 64,
    "lapses_at": lambda request: LATER,
    "waits_since": lambda request: LATER,
    "escalated_at": lambda request: LATER,
    "reminded_at": lambda request: LATER,
    "reminders": lambda request: 5,
    "break_glass": lambda request: True,
    "obligation": lambda request: Obligation(LATER, ("group:leads",)),
    "approved_at": lambda request: LATER,
    "start_by": lambda request: LATER,
    "start_deadline": lambda request: LATER,
    "started_at": lambda request: LATER,
    "granted_at": lambda request: LATER,
    "expires_at": lambda request: LATER,
    "ended_at": lambda request: LATER,
    "undo_cause": lambda request: UndoCause.STOP,
    "attempts": lambda request: 5,
    "attempt_open": lambda request: True,
    "undo_attempts": lambda request: 5,
    "receipt": lambda request: {"before": 666},
    "handed_to": lambda request: 5,
    "stopped_by": lambda request: EVE,
    "extension": lambda request: Extension(RequestId(1), LATER, LATER),
    "target_ends_at": lambda request: LATER,
    "extended_by": lambda request: 7,
    "settled_by": lambda request: EVE,
    "checked": lambda request: Checked(LATER, Health(HealthState.HEALTHY)),
    "progress": lambda request: (Progress(Stage.DONE, {"before": 7}),),
    "watch": lambda request: Watch(before={"facts.firing": 99}),
    "outcome": lambda request: "all is well",
}


def bent_snapshot(request: Request) -> Any:
    return replace(request.snapshot, inputs={"what": "database", "where": "prod", "value": 666})


@pytest.fixture
def approved(town: Town) -> Request:
    """Have one approved request that nobody has started yet."""
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    town.queue.items.clear()
    return town.see(request)


@pytest.fixture
def quiet(town: Town, approved: Request) -> Request:
    """Have one approved request, and other events after it in the record."""
    town.service.intake.work(town.take_in(DeliveryKind.DROP, EVE, 999))
    return approved


def bend(town: Town, change: Callable[[Connection], Any]) -> None:
    with town.database.write() as connection:
        change(connection)


def bend_row(town: Town, request: Request, **values: Any) -> None:
    bend(town, lambda db: db.execute(update(tables.requests).where(tables.requests.c.id == request.id).values(values)))


def assert_refused(town: Town, request: Request) -> None:
    """See that nothing has run, that it is on record, and that somebody was woken."""
    assert town.runner.started == []
    assert "tampered" in town.kinds(request)
    assert any("REFUSED TO RUN" in text for text in town.said("alarm"))


def test_there_is_a_bent_value_for_every_field_that_carries_authority() -> None:
    assert set(BENT) == {field.name for field in fields(Request)} - WORKERS_OWN


@pytest.mark.parametrize("column", sorted(set(BENT) - {"id", "state", "start_by", "extension"}))
def test_a_bent_column_of_an_approved_request_refuses_the_run(town: Town, approved: Request, column: str) -> None:
    value = BENT[column](approved)
    assert value != getattr(approved, column)
    bend_row(town, approved, **{column: value})
    town.settle()
    assert_refused(town, approved)
    assert f"The {column} of JIT-{approved.id} is not what its signed record says." in town.said("alarm")[0]


def test_a_later_last_instant_to_start_refuses_the_run(town: Town, approved: Request) -> None:
    bend_row(town, approved, start_by=LATER)
    town.forward(hours=5)
    town.settle()
    assert_refused(town, approved)


def test_a_request_that_was_given_another_number_runs_under_none(town: Town) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x"))
    bend(town, lambda db: db.execute(update(tables.requests).values(id=77)))
    town.settle()
    assert town.runner.started == []


@pytest.mark.parametrize("state", [State.RUNNING, State.UNSURE, State.ACTIVE, State.UNDOING])
def test_an_approved_request_called_started_is_not_started(town: Town, approved: Request, state: State) -> None:
    bend_row(town, approved, state=state, undo_cause=UndoCause.DROP, expires_at=approved.created_at)
    for _ in range(3):
        town.forward(hours=1)
        town.settle()
    assert town.runner.started == []


@pytest.mark.parametrize("column", sorted(WORKERS_OWN))
def test_the_workers_own_columns_make_nothing_run_that_was_not_approved(
    town: Town, approved: Request, column: str
) -> None:
    values = {"due_at": LATER, "version": 99, "owner": "mallory", "lease_until": LATER, "fence": 99}
    values |= {"last_line": "done, all 6 pods", "halted": "nothing is halted"}
    bend_row(town, approved, **{column: values[column]})
    town.settle()
    assert town.runner.started in ([], [f"jit-{approved.id}-1"])
    assert town.see(approved).snapshot == approved.snapshot


def test_a_pending_request_called_approved_is_not_run(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    later = town.ledger.now() + timedelta(hours=1)
    bend_row(town, request, state=State.APPROVED, due_at=request.created_at, approved_at=LATER, start_by=later)
    town.settle()
    assert_refused(town, request)


@pytest.mark.parametrize("state", [State.DENIED, State.WITHDRAWN, State.LAPSED, State.SUCCEEDED])
def test_what_has_ended_cannot_be_called_approved_again(town: Town, state: State) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    if state is State.DENIED:
        town.deny(BO, request)
    elif state is State.WITHDRAWN:
        town.withdraw(ANN, request)
    elif state is State.LAPSED:
        town.forward(hours=2)
        town.settle()
    else:
        town.approve(BO, request)
    before = len(town.runner.started)
    later = town.ledger.now() + timedelta(hours=1)
    bend_row(town, request, state=State.APPROVED, due_at=request.created_at, start_by=later, ended_at=None)
    town.settle()
    assert len(town.runner.started) == before
    assert "tampered" in town.kinds(request)


def test_a_row_bent_while_it_is_planned_runs_as_it_was_verified(town: Town, approved: Request) -> None:
    town.runner.on_plan = lambda inputs: bend_row(town, approved, snapshot=bent_snapshot(approved))
    town.settle()
    assert "prod/database" not in town.runner.world


def test_what_is_bent_while_it_waits_is_not_signed_into_a_new_revision(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    bend_row(town, request, params={"service": "worker", "env": "prod"})
    town.edit('where: "{env}"}', 'where: "{env}", value: 1}')
    assert "not what its record says" in town.approve(BO, request).text
    assert town.see(request).revision == 1
    assert_refused(town, request)


def test_what_is_bent_before_it_is_decided_is_not_decided(town: Town) -> None:
    def bend_all(inputs: FakeInputs) -> None:
        raise KeyboardInterrupt

    town.runner.on_plan = bend_all
    key = town.take_in(DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "staging"}, reason="x")
    with pytest.raises(KeyboardInterrupt):
        town.service.intake.work(key)
    town.runner.on_plan = lambda inputs: None
    request = town.ledger.find()[0]
    bend_row(town, request, snapshot=bent_snapshot(request))
    town.forward(minutes=1)
    town.settle()
    assert town.state(request) is State.DECIDING
    assert_refused(town, request)


REVIEW: dict[str, Any] = {
    "reviewer": CY,
    "team": "T0EVIL",
    "verdict": Verdict.DENY,
    "at": LATER,
    "revision": 2,
    "selectors": ("group:leads",),
    "comment": "fine",
    "seen": "0" * 32,
    "on_behalf_of": (StandIn(CY, ("group:oncall",)),),
}


def test_a_request_that_is_bent_into_an_extension_extends_nothing(town: Town) -> None:
    held = town.ask(ANN, "tune", value=200)
    ends = town.see(held).expires_at
    assert ends is not None
    approved = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, approved.id, revision=1))
    town.queue.items.clear()
    town.runner.started.clear()
    bend_row(town, approved, extension=Extension(held.id, ends, ends + timedelta(hours=1)))
    town.settle()
    assert_refused(town, approved)
    assert town.see(held).expires_at == ends


def test_there_is_a_bent_value_for_every_field_of_a_review() -> None:
    assert set(REVIEW) == {field.name for field in fields(Review)}


@pytest.mark.parametrize("column", REVIEW)
def test_a_bent_review_refuses_the_run(town: Town, approved: Request, column: str) -> None:
    bend(town, lambda db: db.execute(update(tables.reviews).values({column: REVIEW[column]})))
    town.settle()
    assert_refused(town, approved)
    assert "reviews" in town.said("alarm")[0]


def test_a_denial_turned_into_an_approval_refuses_the_run(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, DI, request.id, revision=1))
    town.queue.items.clear()
    bend(
        town,
        lambda db: db.execute(update(tables.reviews).where(tables.reviews.c.reviewer == DI).values(verdict="deny")),
    )
    town.settle()
    assert_refused(town, request)


def test_a_review_put_into_the_table_does_not_approve(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    forged = {"request": request.id, "reviewer": DI, "team": "T", "verdict": "approve", "at": LATER, "revision": 1}
    bend(town, lambda db: db.execute(insert(tables.reviews).values(**forged, selectors=("group:leads",), comment="")))
    town.approve(CY, request)
    assert_refused(town, request)


def test_a_review_taken_out_of_the_table_refuses_the_run(town: Town, approved: Request) -> None:
    bend(town, lambda db: db.execute(delete(tables.reviews)))
    town.settle()
    assert_refused(town, approved)


def event_of(town: Town, request: Request, kind: str) -> int:
    return next(event.seq for event in town.trail.events(request.id) if event.kind == kind)


@pytest.mark.parametrize("kind", ["requested", "ask", "reviewed", "approve"])
def test_a_deleted_event_refuses_the_run(town: Town, quiet: Request, kind: str) -> None:
    seq = event_of(town, quiet, kind)
    bend(town, lambda db: db.execute(delete(tables.events).where(tables.events.c.seq == seq)))
    town.settle()
    assert town.runner.started == []
    assert "tampered" in town.kinds(quiet)
    with pytest.raises(Tampered, match=f"Event {seq} is (missing|not)"):
        town.trail.verify()


EVENT: dict[str, Any] = {
    "seq": 99,
    "at": LATER,
    "kind": "refused",
    "request": 77,
    "body": "{}",
    "salt": b"0" * 16,
    "commitment": b"0" * 32,
    "key": "0" * 16,
    "hash": b"0" * 32,
    "signature": b"0" * 64,
}


@pytest.mark.parametrize("kind", ["requested", "approve"])
@pytest.mark.parametrize("column", EVENT)
def test_a_changed_event_refuses_the_run(town: Town, quiet: Request, kind: str, column: str) -> None:
    seq = event_of(town, quiet, kind)
    changed = update(tables.events).where(tables.events.c.seq == seq).values({column: EVENT[column]})
    bend(town, lambda db: db.execute(changed))
    town.settle()
    assert town.runner.started == []
    with pytest.raises(Tampered):
        town.trail.verify()


def test_a_denial_whose_events_were_emptied_is_still_a_denial(town: Town, approved: Request) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.DENY, CY, approved.id, revision=1, comment="no"))
    emptied = [event.seq for event in town.trail.events(approved.id)][-2:]
    bend(
        town,
        lambda db: db.execute(
            update(tables.events).where(tables.events.c.seq.in_(emptied)).values(body=None, salt=None)
        ),
    )
    bend(town, lambda db: db.execute(delete(tables.reviews).where(tables.reviews.c.reviewer == CY)))
    bend_row(town, approved, **{f.name: getattr(approved, f.name) for f in fields(Request) if f.name != "id"})
    town.settle()
    assert_refused(town, approved)


def others_go_on(town: Town) -> None:
    """Have events of others follow in the record."""
    for _ in range(3):
        town.do(DeliveryKind.DROP, EVE, 999)


def test_a_denial_whose_events_were_taken_out_is_still_a_denial(town: Town, approved: Request) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.DENY, CY, approved.id, revision=1, comment="no"))
    others_go_on(town)
    gone = [event.seq for event in town.trail.events(approved.id)][-2:]
    bend(town, lambda db: db.execute(delete(tables.events).where(tables.events.c.seq.in_(gone))))
    bend(town, lambda db: db.execute(delete(tables.reviews).where(tables.reviews.c.reviewer == CY)))
    bend_row(town, approved, **{f.name: getattr(approved, f.name) for f in fields(Request) if f.name != "id"})
    town.settle()
    assert_refused(town, approved)


def test_a_denial_whose_events_were_given_to_another_request_is_still_a_denial(town: Town, approved: Request) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.DENY, CY, approved.id, revision=1, comment="no"))
    others_go_on(town)
    gone = [event.seq for event in town.trail.events(approved.id)][-2:]
    moved = update(tables.events).where(tables.events.c.seq.in_(gone)).values(request=77)
    bend(town, lambda db: db.execute(moved))
    bend(town, lambda db: db.execute(delete(tables.reviews).where(tables.reviews.c.reviewer == CY)))
    bend_row(town, approved, **{f.name: getattr(approved, f.name) for f in fields(Request) if f.name != "id"})
    town.settle()
    assert_refused(town, approved)


def test_two_events_that_changed_places_refuse_the_run(town: Town, approved: Request) -> None:
    first, second = event_of(town, approved, "reviewed"), event_of(town, approved, "approve")

    def swap(db: Connection) -> None:
        for old, new in ((first, -1), (second, first), (-1, second)):
            db.execute(update(tables.events).where(tables.events.c.seq == old).values(seq=new))

    bend(town, swap)
    town.settle()
    assert_refused(town, approved)


def cut(town: Town, keep: int, *, head: bool) -> None:
    """Cut the record off after so many events, and (`head`) the head with it."""

    def change(db: Connection) -> None:
        db.execute(delete(tables.events).where(tables.events.c.seq > keep))
        last = db.execute(select(tables.events.c.hash).where(tables.events.c.seq == keep)).scalar_one()
        if head:
            db.execute(update(tables.chain).values(count=keep, hash=last))

    bend(town, change)


def test_the_cut_off_end_of_the_record_is_noticed(town: Town, approved: Request) -> None:
    cut(town, 2, head=False)
    twin = town.twin()
    for record in (town.trail, twin.trail):
        with pytest.raises(Tampered, match="The end was cut off"):
            record.verify()
    twin.settle()
    twin.close()
    assert_refused(town, approved)


def test_the_end_cut_off_with_its_head_takes_the_approval_with_it(town: Town, approved: Request) -> None:
    cut(town, 2, head=True)
    town.settle()
    assert_refused(town, approved)


def test_a_cut_off_record_is_noticed_by_the_process_that_saw_its_end(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    town.queue.items.clear()
    approved = town.see(request)
    town.settle()
    assert len(town.runner.started) == 1
    cut(town, 4, head=True)
    bend_row(town, approved, **{f.name: getattr(approved, f.name) for f in fields(Request) if f.name != "id"})
    town.settle()
    assert len(town.runner.started) == 1


def test_a_lost_head_is_noticed(town: Town, approved: Request) -> None:
    bend(town, lambda db: db.execute(delete(tables.chain)))
    with pytest.raises(Tampered, match="The end was cut off"):
        town.trail.verify()


def test_an_event_signed_with_another_key_refuses_the_run(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    forger = Signer(Ed25519PrivateKey.generate())
    later = town.ledger.now() + timedelta(hours=1)

    def forge(db: Connection) -> None:
        head = db.execute(select(tables.chain)).one()
        count = head._mapping["count"] + 1
        changes = {"state": "approved", "start_by": later.isoformat()}
        sealed = forger.seal(head.hash, count, town.ledger.now(), "approve", request.id, {"by": BO, "changes": changes})
        db.execute(insert(tables.events).values({name: getattr(sealed, name) for name in sealed.__slots__}))
        db.execute(update(tables.chain).values(count=count, hash=sealed.hash))

    bend(town, forge)
    bend_row(town, request, state=State.APPROVED, due_at=request.created_at, start_by=later)
    town.settle()
    assert_refused(town, request)
    assert "signed with a key that is not known here" in town.said("alarm")[0]


def test_a_whole_record_written_anew_with_another_key_is_not_believed(town: Town, approved: Request) -> None:
    forger = Signer(Ed25519PrivateKey.generate())

    def forge(db: Connection) -> None:
        previous = GENESIS
        for row in db.execute(select(tables.events).order_by(tables.events.c.seq)).all():
            sealed = forger.seal(previous, row.seq, row.at, row.kind, row.request, json.loads(row.body))
            values = {name: getattr(sealed, name) for name in sealed.__slots__}
            db.execute(update(tables.events).where(tables.events.c.seq == row.seq).values(values))
            previous = sealed.hash
        db.execute(update(tables.chain).values(hash=previous))

    bend(town, forge)
    town.settle()
    assert_refused(town, approved)


def test_a_tampered_request_can_still_be_withdrawn(town: Town, approved: Request) -> None:
    bend_row(town, approved, reason="another")
    town.settle()
    assert not town.withdraw(ANN, approved).refused
    assert town.state(approved) is State.WITHDRAWN


def test_somebody_elses_move_while_it_is_checked_is_no_alarm(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.edit("what: admin, where: prod", "what: admin, where: everywhere")
    twin = town.twin()
    twin.files = {**town.files, "payments.yml": town.files["payments.yml"].replace("everywhere", "prod")}
    twin.service.book.reload()
    rebuild = town.trail.rebuild

    def late(request_id: Any) -> Any:
        town.trail.rebuild = rebuild  # type: ignore[method-assign]
        twin.approve(CY, request)
        return rebuild(request_id)

    town.trail.rebuild = late  # type: ignore[method-assign]
    assert "has changed since it was asked" in town.approve(BO, request).text
    twin.close()
    assert "tampered" not in town.kinds(request)
    assert town.see(request).revision == 2
