"""Fault points, set from outside: the product has none, so that nothing in it can be told to fail.

A step is a commit, or an act of a runner, a message or an acknowledgement; each is passed before and after. The
process writes the name of every step that it passes, and dies by SIGKILL at the one it is told.
"""

import functools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from slack_sdk.socket_mode.client import BaseSocketModeClient

from jitbot import bot
from jitbot.elapsed import seconds
from jitbot.ports import Entry
from jitbot.runners.guard import Guarded
from jitbot.service.claims import Claims
from jitbot.service.turns import Turn
from jitbot.slack.pace import Pace
from jitbot.slack.sending import Sender
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.engine import Database
from jitbot.store.ledger import StoreLedger

AROUND: dict[str, tuple[type, str]] = {
    "taking a delivery in": (StoreInbox, "put"),
    "claiming a delivery": (StoreInbox, "get"),
    "acknowledging": (BaseSocketModeClient, "send_socket_mode_response"),
    "claiming a request": (StoreLedger, "claim"),
    "renewing a claim": (StoreLedger, "renew"),
    "the runner's start": (Guarded, "start"),
    "the runner's check": (Guarded, "check"),
    "the runner's undo": (Guarded, "undo"),
    "claiming messages": (StoreOutbox, "claim"),
    "keeping where a card stands": (StoreOutbox, "keep"),
    "posting": (Sender, "post"),
    "redrawing": (Sender, "update"),
    "forgetting a message": (StoreOutbox, "done"),
}
"""What else than a transaction of the ledger has an instant before it and one after it, each named in the trace."""
CRUCIAL = ("taking a delivery in", "acknowledging", "the runner's start", "the runner's undo")
"""Where most is at stake: there it dies first."""
COMMITS = (
    "requested",
    "ask",
    "allow",
    "reviewed+counted",
    "reviewed+approve",
    "reviewed+deny",
    "refused",
    "withdraw",
    "lapse",
    "start",
    "repeat",
    "lose",
    "checked",
    "settled+succeed",
    "settled+verify",
    "settled+fail",
    "succeed",
    "verify",
    "reading",
    "unhealthy",
    "undone",
    "grant",
    "expire",
    "drop",
    "revoke",
    "stopping",
    "stop",
    "undo",
    "undone_early",
    "wave",
    "part",
    "pause",
    "part_undone",
    "end_expired",
    "end_revoked",
    "end_rolled_back",
)
"""The transactions of the ledger that people and time bring about, by the events in them; others are met on the way."""


def around(*said: str) -> set[str]:
    """Return the names of the steps before and after."""
    return {f"{when} {each}" for when in ("before", "after") for each in said}


def named_steps() -> set[str]:
    """Return the steps that are known by name before any was passed."""
    return around(*AROUND, *(f"commit of {kinds}" for kinds in COMMITS))


@dataclass(frozen=True, slots=True)
class Hurry:
    """How many times as fast as the machine's the bot's clock goes, and from which Unix second on."""

    times: float
    since: float

    def ahead(self, now: float) -> timedelta:
        """Tell how far the bot's clock is ahead of the machine's."""
        return timedelta(seconds=(now - self.since) * (self.times - 1))

    def real(self, told: float) -> float:
        """Return the machine's Unix second at which the bot's clock showed this one."""
        return (told + self.since * (self.times - 1)) / self.times


class Death:
    """Counts steps by name, and ends the process at one of them."""

    def __init__(self, at: str, occurrence: int, trace: int) -> None:
        """`trace` is the open file that the names are written to."""
        self._at, self._occurrence, self._trace = at, occurrence, trace
        self._passed: Counter[str] = Counter()
        self._turn = threading.Lock()

    def step(self, name: str) -> None:
        """Pass a step, or not."""
        with self._turn:
            self._passed[name] += 1
            os.write(self._trace, f"{name}\n".encode())
            if name == self._at and self._passed[name] == self._occurrence:
                os.kill(os.getpid(), signal.SIGKILL)


def haunt(death: Death) -> None:
    """Have every step of this process pass by a death."""
    for said, (owner, method) in AROUND.items():
        setattr(owner, method, _around(getattr(owner, method), said, death))
    begin = StoreLedger.begin

    @contextmanager
    def killable(ledger: StoreLedger) -> Iterator[Entry]:
        with begin(ledger) as entry:
            yield entry
            kinds = "+".join(dict.fromkeys(kind for kind, _, _ in entry._events)) or "what is not on record"
            death.step(f"before commit of {kinds}")
        death.step(f"after commit of {kinds}")

    StoreLedger.begin = killable  # type: ignore[method-assign, assignment]


def _around(method: Any, said: str, death: Death) -> Any:
    @functools.wraps(method)
    def killable(*args: Any, **kwargs: Any) -> Any:
        death.step(f"before {said}")
        result = method(*args, **kwargs)
        death.step(f"after {said}")
        return result

    return killable


def hurry(how: Hurry) -> None:
    """Have the bot's clock go faster, so that leases, timeboxes and watches take seconds instead of minutes.

    What is timed by the machine's clock is made as much shorter where it matters; the local Slack counts no rates.
    """
    Database.offset = property(lambda _: how.ahead(time.time()), lambda _, __: None)  # type: ignore[assignment]
    bot.RENEW, bot.KEEP = bot.RENEW / how.times, bot.KEEP / how.times
    for each in (Claims.__init__, Turn.__init__):
        each.__defaults__ = (lambda: seconds() * how.times,)  # type: ignore[attr-defined]
    Pace._ahead = lambda *_: timedelta(0)  # type: ignore[method-assign]
