"""Halts and starts at the same instant, in several processes: the record tells which came first, and that holds."""

import threading

import pytest
from sqlalchemy import Engine, event

from jitbot.errors import Conflict
from jitbot.lifecycle import Event
from jitbot.model import HALTS, DeliveryKind, State
from jitbot.service.halt_changes import want
from tests import halting
from tests.halting import halt, lift
from tests.town import ANN, CY, DI, EVE, Town


@pytest.fixture
def watched(town: Town) -> Town:
    """Give a town where Eve may halt anything, and Ann, Cy and Di lift it."""
    return halting.watched(town)


def test_a_halt_that_another_process_sets_is_seen_at_the_very_start(watched: Town) -> None:
    twin = watched.twin()
    key = watched.take_in(
        DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "staging"}, reason="x"
    )
    watched.service.intake.work(key)
    twin.service.intake.work(twin.take_in(DeliveryKind.HALT, EVE, about="all", of="", why="now"))
    watched.service.sweep.attend(watched.ledger.find()[0].id)  # with no tick before: what it knows is old
    [request] = watched.ledger.find()
    assert (request.state, watched.runner.started) == (State.APPROVED, [])
    watched.forward(seconds=21)
    watched.settle()
    assert "is halted" in watched.see(request).halted
    twin.close()


def test_no_start_stands_behind_its_halt_in_the_record(watched: Town) -> None:
    with pytest.raises(Conflict, match="same moment"), watched.ledger.begin() as entry:
        entry.unless_halted(7)
        entry.record("looked_at", "worker")
    with watched.ledger.begin() as entry:
        entry.unless_halted(0)
        entry.record("looked_at", "worker")


def test_two_who_lift_in_the_same_moment_lift_once(watched: Town) -> None:
    halt(watched)
    twin = watched.twin()
    known = twin.world.halts.follow()
    lift(watched, CY)
    with pytest.raises(Conflict), twin.ledger.begin() as entry:
        want(entry, known, known.standing[0], DI)
    assert watched.world.halts.follow().standing[0].lift_by == CY
    twin.close()


def test_whoever_halts_while_others_start_finds_no_start_behind_the_halt(watched: Town) -> None:
    twin = watched.twin()
    keys = [
        watched.take_in(DeliveryKind.ASK, ANN, action="restart", params={"service": name, "env": "staging"}, reason="x")
        for name in ("api", "worker") * 4
    ]
    for key in keys:
        watched.service.intake.work(key)
    waiting = [request.id for request in watched.ledger.find(states=[State.APPROVED])]
    ready = threading.Barrier(2)

    def work() -> None:
        ready.wait()
        for each in waiting:
            watched.service.sweep.attend(each)

    worker = threading.Thread(target=work)
    worker.start()
    ready.wait()
    twin.service.intake.work(twin.take_in(DeliveryKind.HALT, EVE, about="all", of="", why="now"))
    worker.join()
    kinds = [event.kind for event in watched.trail.events(limit=1000)]
    assert Event.START.value not in kinds[kinds.index(HALTS) :]
    twin.close()


def test_a_start_costs_no_statement_more_for_halts(watched: Town) -> None:
    key = watched.take_in(
        DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "staging"}, reason="x"
    )
    watched.world.halts.follow()
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        watched.service.intake.work(key)
        watched.service.sweep.attend(watched.ledger.find()[0].id)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert watched.runner.started == ["jit-1-1"]
    about = [each for each in asked if "halted" in each and "requests" not in each]
    assert {each.split()[0] for each in about} == {"SELECT", "UPDATE"}
    assert all("chain.hash" in each or "hash=" in each for each in about), "what the chain is read and moved by anyway"
