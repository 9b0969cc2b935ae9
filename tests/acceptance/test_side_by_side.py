"""What a newer jitbot beside this one has written is left to it: not claimed, not shown, not changed, not lost."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from jitbot.errors import Conflict, NotFound, SettingsError, Unavailable
from jitbot.model import DeliveryKind, Request, State
from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.upgrade import ready
from tests.town import ANN, BO, Town

NEWER = "9000"


def run(town: Town, statement: str, **values: Any) -> None:
    with town.database.write() as connection:
        connection.execute(text(statement), values)


def now_newer(town: Town, request: Request, state: str = "negotiating") -> None:
    """Have a newer jitbot move a request to where this code cannot follow."""
    run(town, "UPDATE requests SET state = :s, needs = :n WHERE id = :i", s=state, n=NEWER, i=request.id)


def pending(town: Town, service: str = "api") -> Request:
    return town.ask(ANN, "restart", service=service, env="prod")


def test_a_request_in_a_state_of_newer_code_is_not_found_due_nor_claimed(town: Town) -> None:
    request, ours = pending(town), pending(town, "worker")
    now_newer(town, request)
    town.forward(hours=2)
    assert [each.id for each in town.ledger.find()] == [ours.id]
    assert list(town.ledger.due(10)) == [ours.id]
    assert town.ledger.claim(request.id, "me", town.world.lease) is None
    assert town.ledger.last_on("prod/api") is None
    assert [each.id for each in town.ledger.outdated("another", 10)] == [ours.id]
    town.settle()
    assert town.state(ours) is State.LAPSED


def test_who_looks_at_it_is_told_who_has_it(town: Town) -> None:
    request = pending(town)
    now_newer(town, request)
    with pytest.raises(Unavailable, match=f"JIT-{request.id} is in the hands of a newer jitbot"):
        town.ledger.get(request.id)
    with pytest.raises(Unavailable), town.ledger.begin() as entry:
        entry.get(request.id)
    with pytest.raises(NotFound):
        town.ledger.get(request.id + 1000)


def test_a_click_on_it_is_kept_for_the_newer_one(town: Town) -> None:
    request = pending(town)
    now_newer(town, request)
    key = town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=request.revision)
    assert town.service.intake.work(key) is None
    town.forward(minutes=1)
    town.settle()
    assert key not in town.inbox.waiting(10)
    run(town, "UPDATE requests SET state = 'pending', needs = NULL")  # as the newer one sees it
    town.settle()
    assert town.state(request) is State.SUCCEEDED


def test_a_delivery_that_needs_newer_code_is_kept_for_it(town: Town) -> None:
    body = {"action": "restart", "params": {"service": "api", "env": "staging"}, "reason": "INC-1"}
    key = town.take_in(DeliveryKind.ASK, ANN, **body)
    other = town.take_in(DeliveryKind.ASK, ANN, **body)
    run(town, "UPDATE inbox SET needs = :n WHERE key = :k", n=NEWER, k=key)
    run(town, "UPDATE inbox SET kind = 'negotiate' WHERE key = :k", k=other)
    town.restart()  # it was another process that took them in
    town.forward(minutes=1)
    town.settle()
    assert town.ledger.find() == []
    assert town.service.intake.work(key) is None
    run(town, "UPDATE inbox SET needs = :n, kind = 'ask'", n=tables.SCHEMA)
    town.settle()
    assert len(town.ledger.find()) == 2


def test_messages_of_newer_code_are_not_said(town: Town) -> None:
    request, ours = pending(town), pending(town, "worker")
    now_newer(town, request)
    run(town, "UPDATE outbox SET topic = 'poem', parked_at = due_at WHERE topic = 'notice'")
    said = town.outbox.claim(100, town.world.lease)
    assert said
    assert {each.request for each in said} == {ours.id}
    assert town.outbox.parked() == []


def test_nothing_starts_on_a_target_at_which_newer_code_is_at_work(town: Town) -> None:
    request = town.ask(ANN, "tune", value=5)
    assert town.state(request) is State.ACTIVE
    now_newer(town, request)
    other = town.ask(ANN, "tune", value=5)
    town.forward(minutes=1)
    town.settle()
    assert town.state(other) is State.DECIDING
    with pytest.raises(Conflict, match="A newer jitbot is at work"), town.ledger.begin() as entry:
        entry.holders("prod/else", "prod/work_mem")  # what was claimed just before, and one of many targets
    assert len(town.runner.started) == 1
    run(town, "UPDATE requests SET ended_at = created_at, state = 'negotiated' WHERE id = :i", i=request.id)
    town.forward(minutes=1)
    town.settle()
    assert town.state(other) is State.ACTIVE


def test_the_end_of_a_grant_beside_one_of_newer_code_is_left_to_that(town: Town) -> None:
    ours, theirs = town.ask(ANN, "tune", value=5), town.ask(ANN, "tune", value=5)
    now_newer(town, theirs)
    town.forward(minutes=31)
    assert list(town.ledger.due(10)) == []
    town.settle()
    assert town.state(ours) is State.ACTIVE
    assert town.runner.undone == [], "what the other grant gives is not taken away"


def test_a_review_owed_for_newer_code_is_not_chased_by_this_one(town: Town) -> None:
    request = pending(town)
    town.forward(minutes=1)
    now = town.ledger.now()
    with town.database.write() as connection:
        row = {"request": request.id, "person": ANN, "due_at": now, "look_at": now}
        connection.execute(tables.obligations.insert().values(**row, reviewed_at=None))
    assert list(town.ledger.owed(10)) == list(town.ledger.overdue(10)) == [request.id]
    now_newer(town, request)
    assert list(town.ledger.owed(10)) == list(town.ledger.overdue(10)) == []


def newer_field(town: Town, request: Request, value: Any) -> None:
    """Have a newer jitbot sign a field that this code does not know."""
    with town.ledger.begin() as entry:
        entry.record("negotiated", "worker", request.id, changes={"mood": value}, poem="roses are red")


@pytest.mark.parametrize("nothing", [None, False, 0, "", [], {}], ids=repr)
def test_a_signed_field_that_says_nothing_is_passed_over(town: Town, nothing: object) -> None:
    request = pending(town)
    newer_field(town, request, nothing)
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED


def test_a_signed_field_that_says_something_keeps_this_code_from_running_it_and_is_not_lost(town: Town) -> None:
    request = pending(town)
    newer_field(town, request, "sombre")
    town.approve(BO, request)
    town.forward(minutes=1)
    town.settle()
    assert town.state(request) is State.APPROVED
    assert town.runner.started == []
    assert not [each for each in town.said("alarm") if "REFUSED" in each], "nobody has tampered with it"
    with pytest.raises(Conflict, match="mood: only a newer jitbot"):
        town.trail.rebuild(request.id)
    bodies = [event.body for event in town.trail.events(request.id)]
    assert json.dumps(bodies).count('"mood": "sombre"') == 1
    assert town.trail.verify() > 0


@pytest.mark.parametrize(
    ("compatible", "accepted"),
    [(tables.SCHEMA, True), ("0001", True), ("9000", False), (None, False)],
    ids=["ours", "older than ours", "newer than ours", "not said"],
)
def test_a_newer_database_is_worked_on_only_where_it_says_so(
    database_url: str, compatible: str | None, accepted: bool
) -> None:
    ready(database_url)
    database = Database(database_url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9000'"))
        if compatible:
            connection.execute(tables.schemas.insert().values(schema="9000", compatible=compatible))
    database.close()
    if accepted:
        ready(database_url)
        return
    with pytest.raises(SettingsError, match=r"has schema 9000, which this jitbot .* does not understand"):
        ready(database_url)
