"""An insider who can write the database wants something to start that is halted, or nobody to see that it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select, update

from jitbot.model import HALTS, Request, State
from jitbot.service.announcing import IN_FORCE
from jitbot.service.halts import StandingHalts
from jitbot.store import tables
from tests import halting
from tests.halting import a_while, halt, lift, lifted
from tests.town import ANN, CY, DI, Town

Attack = Callable[[Connection], object]
EVENTS, CHAIN = tables.events, tables.chain
OF_HALTS = EVENTS.c.kind == HALTS


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.long])])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return an empty database's address; what is done to it is the same on both."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def town(ready_url: str, tmp_path: Path) -> Iterator[Town]:
    """Give a town in which everything is halted, and Ann's request waits for that."""
    town = halting.watched(Town(ready_url, tmp_path))
    halt(town)
    town.ask(ANN, "restart", service="api", env="staging")
    yield town
    town.close()


def bend(town: Town, *attacks: Attack) -> None:
    with town.database.write() as connection:
        for attack in attacks:
            attack(connection)


def the_request(town: Town) -> Request:
    [request] = town.ledger.find()
    return request


def nothing_starts(town: Town) -> None:
    a_while(town)
    assert (the_request(town).state, town.runner.started) == (State.APPROVED, [])


def alarmed(town: Town) -> None:
    assert [text for text in town.said("alarm") if text.startswith("NOTHING STARTS: Which halts stand cannot be told")]
    assert "tampered" in [event.kind for event in town.trail.events(limit=1000)]


def forget_the_halt(connection: Connection) -> None:
    connection.execute(delete(EVENTS).where(OF_HALTS))


def point_to_no_halt(connection: Connection) -> None:
    connection.execute(update(CHAIN).values(halted=0))


def say_in_the_row_that_nothing_is_halted(connection: Connection) -> None:
    connection.execute(update(tables.requests).values(halted=""))


def empty_its_body(connection: Connection) -> None:
    connection.execute(update(EVENTS).where(OF_HALTS).values(body=None, salt=None))


def say_that_it_is_about_nothing(connection: Connection) -> None:
    body = connection.execute(select(EVENTS.c.body).where(OF_HALTS)).scalar_one()
    connection.execute(update(EVENTS).where(OF_HALTS).values(body=body.replace('"all"', '"pool"')))


def call_it_something_else(connection: Connection) -> None:
    connection.execute(update(EVENTS).where(OF_HALTS).values(kind="looked"))


def point_to_another_event(connection: Connection) -> None:
    connection.execute(update(CHAIN).values(halted=1))


def point_beyond_the_end(connection: Connection) -> None:
    connection.execute(update(CHAIN).values(halted=10_000))


ATTACKS: dict[str, tuple[Attack, ...]] = {
    "its event taken out": (forget_the_halt,),
    "its event taken out and the head pointing to none": (forget_the_halt, point_to_no_halt),
    "the head pointing to none": (point_to_no_halt,),
    "its event emptied": (empty_its_body,),
    "its event about something else": (say_that_it_is_about_nothing,),
    "its event called something else": (call_it_something_else,),
    "called something else and the head pointing to none": (call_it_something_else, point_to_no_halt),
    "the head pointing to another event": (point_to_another_event,),
    "the head pointing beyond the end": (point_beyond_the_end,),
}
UNSEEN = (
    "its event taken out",
    "its event emptied",
    "its event about something else",
    "its event called something else",
)
"""What a process that has seen the halt need not see: it knows that it stands."""


@pytest.mark.parametrize("how", ATTACKS)
def test_whoever_bends_the_record_of_a_halt_has_nothing_started(town: Town, how: str) -> None:
    bend(town, *ATTACKS[how])
    nothing_starts(town)
    if how not in UNSEEN:
        alarmed(town)


@pytest.mark.parametrize("how", ATTACKS)
def test_nor_has_whoever_bends_it_while_no_process_runs(town: Town, how: str) -> None:
    bend(town, *ATTACKS[how])
    town.restart()
    nothing_starts(town)
    alarmed(town)


@pytest.mark.parametrize("how", ATTACKS)
def test_nor_where_the_halt_is_from_long_ago(town: Town, how: str) -> None:
    """Whoever starts verifies from the event on by which policies came into force; it vouches for what is before."""
    town.edit("Restart a service", "Restart it")
    bend(town, *ATTACKS[how])
    town.restart()
    nothing_starts(town)
    alarmed(town)


def test_nor_once_the_policies_were_put_in_force_again_since_the_halt(town: Town) -> None:
    """Whoever starts verifies from that event on: what was taken out from before it is missed by its number."""
    town.edit("Restart a service", "Restart it")
    kinds = [event.kind for event in town.trail.events(limit=1000)]
    assert kinds[::-1].index(IN_FORCE) < kinds[::-1].index(HALTS)
    bend(town, forget_the_halt, point_to_no_halt)
    town.restart()
    nothing_starts(town)
    town.edit("Restart it", "Restart a service")  # which vouches for the halt once more, though it is not to be found
    town.restart()
    nothing_starts(town)
    alarmed(town)


def test_a_row_that_says_nothing_is_halted_changes_nothing_and_is_put_right(town: Town) -> None:
    bend(town, say_in_the_row_that_nothing_is_halted)
    nothing_starts(town)
    assert "everything is halted" in the_request(town).halted


def test_a_lift_that_nobody_has_signed_is_none(town: Town) -> None:
    def lift_it(connection: Connection) -> None:
        event = connection.execute(select(EVENTS).where(OF_HALTS)).one()._asdict()
        seq = connection.execute(select(CHAIN.c.count)).scalar_one() + 1
        body = event["body"].replace('"halted"', '"lifted"', 1)
        connection.execute(EVENTS.insert().values(**(event | {"seq": seq, "body": body})))
        connection.execute(update(CHAIN).values(count=seq, halted=seq))

    bend(town, lift_it)
    nothing_starts(town)
    alarmed(town)


def test_an_old_event_from_before_the_halt_does_not_come_again(town: Town) -> None:
    lifted(town)
    with town.database.read() as connection:
        nothing_halted = connection.execute(select(EVENTS).where(OF_HALTS).order_by(EVENTS.c.seq.desc())).first()
    assert nothing_halted is not None
    halt(town)
    request = town.ask(ANN, "restart", service="worker", env="staging")

    def again(connection: Connection) -> None:
        seq = connection.execute(select(CHAIN.c.count)).scalar_one() + 1
        connection.execute(EVENTS.insert().values(**(nothing_halted._asdict() | {"seq": seq})))
        connection.execute(update(CHAIN).values(count=seq, halted=seq))

    bend(town, again)
    a_while(town)
    assert town.state(request) is State.APPROVED
    alarmed(town)


def test_the_word_of_a_first_person_cannot_be_written_into_the_record(town: Town) -> None:
    def want(connection: Connection) -> None:
        body = connection.execute(select(EVENTS.c.body).where(OF_HALTS)).scalar_one()
        said = body.replace('"lift_by":""', f'"lift_by":"{CY}"').replace(
            '"lift_at":null', '"lift_at":"2026-01-01T00:00:00Z"'
        )
        assert said != body
        connection.execute(update(EVENTS).where(OF_HALTS).values(body=said))

    bend(town, want)
    assert "A second person has to" in lift(town, DI).text, "the process has seen what was signed"
    town.restart()
    assert lift(town, DI).refused or "A second person" in lift(town, DI).text
    nothing_starts(town)


def test_what_is_held_ends_on_time_whatever_was_done_to_the_record_of_halts(town: Town) -> None:
    lifted(town)
    town.ask(ANN, "tune", value=200, ttl="10m")
    assert town.runner.world["prod/work_mem"] == 200
    bend(town, point_beyond_the_end)
    town.forward(minutes=11)
    town.settle()
    assert town.runner.world["prod/work_mem"] == 100
    alarmed(town)


def test_the_operators_are_told_when_it_holds_again(town: Town) -> None:
    known = town.world.halts.known.as_of
    bend(town, point_to_no_halt)
    nothing_starts(town)
    bend(town, lambda connection: connection.execute(update(CHAIN).values(halted=known)))
    a_while(town)
    assert "The record of halts holds again." in town.said("alarm")
    fresh = StandingHalts(town.ledger, town.trail, str).follow()
    assert (fresh.fault, [each.name for each in fresh.standing]) == ("", ["H-1"])
