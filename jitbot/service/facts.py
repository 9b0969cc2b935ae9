"""Read the facts a decision needs: who is in which group now, who is on call, who people are, what other systems say.

Everything is fetched side by side within one deadline; what did not come in time is unread, never empty.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from jitbot.errors import DirectoryUnavailable, FactUnavailable, InvalidInput, NotFound, PolicyError
from jitbot.model import FactCall, Facts, Person, Policy, Request, Standing, UserId
from jitbot.policy.places import places
from jitbot.policy.templates import fill
from jitbot.policy.wanted import Wanted, wanted, wanted_for_asking
from jitbot.ports import Directory, Ledger, Sources
from jitbot.service.members import Members
from jitbot.service.memory import FactMemory, Reading

DEADLINE = timedelta(seconds=5)
"""How long fetching may take before what is missing counts as unread."""
LOOKED_UP = 20
"""Up to so many members of a group are looked up one by one, so that who has left can be named."""

_FREEZE = "freeze:"
"""What the names of freezes' calendars begin with, among what is asked and among what is unread."""

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


class FactsReader:
    """Fetches facts for one action; `close` ends its threads."""

    def __init__(
        self,
        directory: Directory,
        ledger: Ledger,
        sources: Sources,
        deadline: timedelta = DEADLINE,
        *,
        overdue: Callable[[UserId], tuple[int, ...] | None] = lambda user: None,
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._sources = sources
        self._deadline = deadline
        self._overdue = overdue
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="people")
        self._memory = FactMemory(ledger.now)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._memory.close()

    def read(self, policy: Policy, action: str, people: Iterable[UserId], request: Request | None = None) -> Facts:
        """Return what is known now for deciding on this action; `people` are looked up whatever happens.

        Facts that depend on the request are read only where there is one.
        """
        glass = request is not None and request.break_glass
        read = self._read(policy, wanted(policy, action, break_glass=glass), people, request)
        return replace(read, overdue=self._overdue(request.requester)) if request is not None and glass else read

    def for_asking(self, policy: Policy, user: UserId) -> Facts:
        """Return what is known now for telling which actions somebody may ask for."""
        return self._read(policy, wanted_for_asking(policy), [user], None)

    def for_selectors(self, policy: Policy, selectors: Iterable[str], people: Iterable[UserId]) -> Facts:
        """Return who these selectors name now."""
        return self._read(policy, Wanted(frozenset(selectors)), people, None)

    def _read(self, policy: Policy, want: Wanted, people: Iterable[UserId], request: Request | None) -> Facts:
        now, end = self._ledger.now(), time.monotonic() + self._deadline.total_seconds()
        unread: dict[str, str] = {}
        members = Members(policy, self._directory, self._threads, self._on_call).read(
            want.selectors, unread, lambda asked, into: self._gather(asked, into, end)
        )
        reviewers = (members.get(selector, frozenset()) for selector in want.reviewers)
        few = {user for group in reviewers if len(group) <= LOOKED_UP for user in group}
        asked = {user: self._threads.submit(self._person, user) for user in set(people) | few}
        found = self._gather(asked, {}, end)
        known = Facts(now, members, found, {}, unread)
        return known if request is None else self._with_values(known, want, request, end)

    def _with_values(self, known: Facts, want: Wanted, request: Request, end: float) -> Facts:
        unread = dict(known.unread)
        filled = places(request, known)
        asked: dict[str, Future[Reading]] = {}
        for call in want.facts:
            try:
                asked[f"facts.{call.name}"] = self._ask(call, fill(call.arguments, filled))
            except PolicyError:  # the only name that may be missing: everything else is known of any request
                unread[f"facts.{call.name}"] = "whoever asks has no e-mail address that Slack shows"
        asked |= {f"{_FREEZE}{call.name}": self._ask(call, call.arguments) for call in want.calendars}
        readings = self._gather(asked, unread, end)
        calendars = {name: readings.pop(name) for name in list(readings) if name.startswith(_FREEZE)}
        spans = {name.removeprefix(_FREEZE): reading.value for name, reading in calendars.items()}
        values = {name: reading.value for name, reading in readings.items()}
        ages = {name: known.now - reading.at for name, reading in readings.items() if reading.at < known.now}
        return replace(known, values=values, unread=unread, ages=ages, spans=spans)

    def _on_call(self, call: FactCall) -> Future[Reading]:
        return self._ask(call, call.arguments)

    def _ask(self, call: FactCall, values: Mapping[str, Any]) -> Future[Reading]:
        try:
            arguments = self._sources.arguments(call.source, values)
            return self._memory.ask(call.source, self._sources.source(call.source), values, arguments)
        except KeyError:
            return _failed(f"the source {call.source} is not installed here any more")
        except InvalidInput as error:  # a value of the request that this source cannot take
            return _failed(str(error))

    def _gather(self, asked: Mapping[Key, Future[Value]], unread: dict[str, str], end: float) -> dict[Key, Value]:
        done, _ = wait(asked.values(), timeout=max(0.0, end - time.monotonic()))
        found: dict[Key, Value] = {}
        for key, future in asked.items():
            if future not in done:
                unread[key] = "no answer in time"
                continue
            try:
                found[key] = future.result()
            except (DirectoryUnavailable, FactUnavailable, NotFound) as error:
                unread[key] = str(error)
        return found

    def _person(self, user: UserId) -> Person:
        try:
            return self._directory.person(user)
        except NotFound:  # Slack forgets nobody: an unknown id is somebody who cannot act
            return Person(user, "", user, Standing.DEACTIVATED)


def _failed(why: str) -> Future[Reading]:
    future: Future[Reading] = Future()
    future.set_exception(FactUnavailable(why))
    return future
