"""The log of every Web API call and every delivery, bounded, without tokens."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from jitbot.sandbox.clock import MovableClock

Json = dict[str, Any]
KEPT = 10_000


class CallLog:
    """Entries share one counter `n`, so that both lists can be read from one point on."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._calls: deque[Json] = deque(maxlen=KEPT)
        self._deliveries: deque[Json] = deque(maxlen=KEPT)

    def call(self, method: str, args: Json, answer: Any, status: int) -> None:
        """Record one Web API call or use of a `response_url`; status 0 says it got no answer."""
        shown = {key: value for key, value in args.items() if key != "token"}
        entry = {"n": next(self._numbers), "at": self._clock.now(), "method": method, "args": shown}
        self._calls.append(entry | {"answer": answer, "status": status})

    def delivery(self, kind: str, payload: Json, attempt: int) -> Json:
        """Record the start of a delivery; the caller fills in how it went."""
        shown = {key: value for key, value in payload.items() if key != "token"}
        entry: Json = {
            "n": next(self._numbers),
            "at": self._clock.now(),
            "kind": kind,
            "to": "",
            "attempt": attempt,
            "took_ms": None,
            "outcome": "under way",
            "payload": shown,
        }
        self._deliveries.append(entry)
        return entry

    def since(self, number: int) -> Json:
        """Return the entries after the n-th."""
        return {"calls": _after(self._calls, number), "deliveries": _after(self._deliveries, number)}

    def clear(self) -> None:
        """Forget all entries; the counter goes on."""
        self._calls.clear()
        self._deliveries.clear()


def _after(entries: deque[Json], number: int) -> list[Json]:
    found = list(itertools.takewhile(lambda entry: entry["n"] > number, reversed(entries)))
    found.reverse()
    return found
