"""Three real processes on one Postgres and one local Slack: one is killed, one frozen and thawed, and nothing shows."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replicas.fleet import Fleet, a_fleet

pytestmark = pytest.mark.postgres


@pytest.fixture
def fleet(postgres_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with a_fleet(postgres_url, tmp_path) as fleet:
        yield fleet


def ask_for_all(fleet: Fleet, turn: str) -> None:
    """Ask for one of each kind, and have approved what has to be."""
    for number, action in enumerate(("note", "slow", "hold", "reviewed")):
        fleet.ask(action, f"{turn} {number}")
    fleet.approve(f"{turn} 3")


def wait(seconds: float) -> None:
    """Let real time pass: what is frozen has no other."""
    threading.Event().wait(seconds)


@pytest.mark.timeout(240)
def test_one_is_killed_and_one_frozen_for_longer_than_its_turn_and_nothing_is_lost_or_done_twice(fleet: Fleet) -> None:
    fleet.start("a", "b", "c")
    ask_for_all(fleet, "all three")
    fleet.send("a", signal.SIGKILL)
    fleet.send("b", signal.SIGSTOP)
    fleet.ask("reviewed", "one alone")
    fleet.approve("one alone")  # its card is there: the only one left is the notifier by now
    fleet.send("b", signal.SIGCONT)
    fleet.ask("note", "two of them")
    fleet.until(lambda: len({each.reason for each in fleet.requests()}) == 6, "all that was asked")
    fleet.converge()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_one_is_frozen_until_others_have_taken_over_its_work_and_thaws(fleet: Fleet) -> None:
    fleet.start("a", "b", "c")
    for frozen, killed in (("a", ""), ("b", "c"), ("c", "")):
        ask_for_all(fleet, f"{frozen} before")
        fleet.send(frozen, signal.SIGSTOP)
        ask_for_all(fleet, f"{frozen} while")
        if killed:
            fleet.send(killed, signal.SIGKILL)
            fleet.start(killed)
        wait(25)  # longer than a claim lasts
        fleet.send(frozen, signal.SIGCONT)
        ask_for_all(fleet, f"{frozen} after")
    fleet.until(lambda: len({each.reason for each in fleet.requests()}) == 36, "all that was asked")
    fleet.converge()
