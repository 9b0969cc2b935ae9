"""Heads go out every ten minutes; a sink that is down holds up nobody, and operators hear of it once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import pytest
from sqlalchemy import update

from jitbot.audit import Head
from jitbot.errors import SinkUnavailable, StoreUnavailable
from jitbot.service.heads import Sending
from jitbot.store import tables
from jitbot.store.heads import StoreHeads
from jitbot.store.keys import open_key
from tests.town import ANN, Town


class Shelf:
    """Implements `ports.Sink`; `down` says why it takes nothing, and it hangs until `free` is set."""

    def __init__(self, name: str = "shelf") -> None:
        self.name = name
        self.heads: list[Head] = []
        self.down = ""
        self.tries = 0
        self.free = Event()
        self.free.set()

    def put(self, head: Head) -> None:
        self.tries += 1
        self.free.wait(60)
        if self.down:
            raise SinkUnavailable(self.down)
        self.heads.append(head)


class Office:
    """What a process with the role `clock` does about heads, on a town."""

    def __init__(self, town: Town, *sinks: Shelf) -> None:
        self.town = town
        self.heads = StoreHeads(town.database, open_key(town.folder / "signing.key"), town.trail)
        self.sending = Sending(town.ledger, self.heads, sinks)

    def tick(self, **later: float) -> None:
        self.town.forward(**later)
        self.sending.tick()
        self.sending.wait(30)

    def alarms(self) -> list[str]:
        """Return what operators are told now, and have it said."""
        waiting = [each for each in self.town.outbox.claim(1000, self.town.world.lease) if each.topic == "alarm"]
        for each in waiting:
            self.town.outbox.done(each)
        return [each.text for each in waiting]

    def events(self) -> list[tuple[str, str]]:
        told = self.town.trail.events(limit=1000)
        return [(each.kind, each.body["sink"]) for each in told if each.kind.startswith("head_")]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_a_head_goes_out_at_the_start_and_every_ten_minutes_also_where_nothing_happened(
    town: Town, shelf: Shelf
) -> None:
    office = Office(town, shelf)
    office.tick()
    office.tick(minutes=9)
    assert len(shelf.heads) == 1
    office.tick(minutes=1)
    town.ask(ANN, "restart", service="api", env="prod")
    office.tick(minutes=10)
    counts = [head.count for head in shelf.heads]
    assert counts[0] == counts[1] < counts[2] == town.trail.count()
    assert office.heads.verify(shelf.heads) == shelf.heads
    assert office.heads.arrivals()["shelf"].at == shelf.heads[-1].at


def test_one_that_did_not_arrive_is_sent_again_and_the_others_are_not_held_up(town: Town, shelf: Shelf) -> None:
    down = Shelf("down")
    down.down = "it is full"
    office = Office(town, down, shelf)
    office.tick()
    office.tick(seconds=15)
    assert (down.tries, len(shelf.heads), shelf.tries) == (2, 1, 1)
    assert office.heads.arrivals()["down"].error == "it is full"
    down.down = ""
    office.tick(seconds=15)
    assert down.heads == shelf.heads
    assert office.heads.arrivals()["down"].error == ""


def test_a_sink_that_hangs_holds_up_neither_the_clock_nor_the_others(town: Town, shelf: Shelf) -> None:
    hangs = Shelf("hangs")
    hangs.free.clear()
    office = Office(town, hangs, shelf)
    office.sending.tick()
    town.forward(minutes=10)
    office.sending.tick()
    office.sending._lanes[1].thread.join(30)  # type: ignore[union-attr]
    assert (hangs.tries, shelf.tries >= 1) == (1, True)
    hangs.free.set()
    office.sending.wait(30)
    office.tick()
    assert shelf.heads[-1] is hangs.heads[-1]


def test_operators_hear_once_of_a_sink_at_which_nothing_arrives_and_once_that_it_does_again(
    town: Town, shelf: Shelf
) -> None:
    office = Office(town, shelf)
    office.tick()
    shelf.down = "it is full"
    office.tick(minutes=20)
    assert office.alarms() == []
    office.tick(minutes=6)
    (text,) = office.alarms()
    assert text == ("For 26 minutes no head of the record has arrived at shelf: it is full. Run: jitbot doctor")
    Office(town, shelf).tick(minutes=30)  # also not by a process whose turn it is next
    office.tick(minutes=30)
    assert office.alarms() == []
    shelf.down = ""
    office.tick(minutes=1)
    assert office.alarms() == ["Heads of the record arrive at shelf again."]
    office.tick(minutes=10)
    assert office.alarms() == []
    assert office.events() == [("head_missed", "shelf"), ("head_again", "shelf")]


def test_a_process_that_starts_after_hours_without_one_complains_of_nothing_if_heads_arrive_at_once(
    town: Town, shelf: Shelf
) -> None:
    Office(town, shelf).tick()
    town.forward(hours=5)
    office = Office(town, shelf)
    office.tick()
    office.tick(minutes=2)
    assert office.alarms() == []
    shelf.down = "it is full"
    town.forward(hours=5)
    office = Office(town, shelf)
    office.tick()
    assert office.alarms() == []
    office.tick(minutes=1)
    assert len(office.alarms()) == 1


def test_a_sink_that_never_took_one_is_an_alarm_too(town: Town, shelf: Shelf) -> None:
    shelf.free.clear()
    office = Office(town, shelf)
    office.sending.tick()
    town.forward(minutes=26)
    office.sending.tick()
    assert office.alarms() == [
        "For 26 minutes no head of the record has arrived at shelf: it does not answer, or none was signed. "
        "Run: jitbot doctor"
    ]
    shelf.free.set()
    office.sending.wait(30)


def test_no_head_of_a_record_that_was_tampered_with_goes_out_and_operators_hear_of_it_once(
    town: Town, shelf: Shelf
) -> None:
    office = Office(town, shelf)
    office.tick()
    town.ask(ANN, "restart", service="api", env="prod")
    with town.database.write() as connection:
        newest = tables.events.c.seq == town.trail.count()
        hash_before = connection.execute(tables.events.select().where(newest)).one().commitment
        connection.execute(update(tables.events).where(newest).values(commitment=bytes(32)))
    office.tick(minutes=10)
    office.tick(minutes=10)
    assert len(shelf.heads) == 1
    (text,) = [each for each in office.alarms() if "no head" in each]
    assert text.startswith("The record was tampered with, so no head of it is signed: Event ")
    with town.database.write() as connection:
        connection.execute(update(tables.events).where(newest).values(commitment=hash_before))
    office.tick(minutes=10)
    assert len(shelf.heads) == 2


def test_where_the_record_does_not_hold_from_the_beginning_nothing_is_sent(town: Town, shelf: Shelf) -> None:
    with town.database.write() as connection:
        connection.execute(update(tables.events).values(commitment=bytes(32)))
    office = Office(town, shelf)
    office.tick()
    assert (shelf.tries, len(office.alarms())) == (0, 1)


@contextmanager
def _unavailable() -> Iterator[None]:
    raise StoreUnavailable("the database is away")
    yield


def test_while_the_database_is_away_nothing_is_lost_and_nobody_falls(
    town: Town, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(town, shelf)
    office.tick()
    with monkeypatch.context() as away:
        away.setattr(town.database, "read", _unavailable)
        away.setattr(town.database, "write", _unavailable)
        office.tick(minutes=10)
        away.setattr(town.ledger, "now", lambda: shelf.heads[0].at)
        lane = office.sending._lanes[0]
        later = replace(shelf.heads[0], count=99)
        office.sending._put(lane, later)
        shelf.down = "it is full"
        office.sending._put(lane, later)
    assert lane.arrived is shelf.heads[0]
    shelf.down = ""
    office.tick()
    assert shelf.heads[-1].count == town.trail.count()


def test_without_sinks_nothing_is_waited_for(town: Town) -> None:
    office = Office(town)
    office.tick()
    assert office.heads.arrivals() == {}


def test_another_process_that_took_a_turn_late_does_not_tell_again(town: Town, shelf: Shelf) -> None:
    shelf.down = "it is full"
    office = Office(town, shelf)
    office.tick()
    office.tick(minutes=26)
    assert len(office.alarms()) == 1
    known = office.heads.arrivals()
    stale = {"shelf": replace(known["shelf"], alarmed_at=None)}
    office.heads.arrivals = lambda: stale  # type: ignore[method-assign]
    office.tick()
    assert office.alarms() == []
