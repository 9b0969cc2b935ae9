"""Read the facts a decision needs: who is in which group now, who is on call, who people are, what other systems say.

Everything is fetched side by side within one deadline; what did not come in time is unread, never empty.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from jitbot.errors import DirectoryUnavailable, FactUnavailable, InvalidInput, NotFound, PolicyError
from jitbot.model import Delegation, FactCall, Facts, Person, Policy, Request, Standing, UserId
from jitbot.policy.attributes import NAME, value_of
from jitbot.policy.places import places
from jitbot.policy.templates import fill
from jitbot.policy.wanted import Wanted, wanted, wanted_for_asking
from jitbot.ports import Directory, Ledger, Sources
from jitbot.service.behind import everybody, standing_behind, with_kinds
from jitbot.service.members import Members, Young
from jitbot.service.memory import FactMemory, Reading

DEADLINE = timedelta(seconds=5)
"""How long fetching may take before what is missing counts as unread."""
MEMBERS_SHARE = 0.7
"""The part of it that rotas and groups may take, so that people can still be looked up when one of them hangs."""
LOOKED_UP = 20
"""Up to so many members of a group are looked up one by one, so that who has left can be named."""

_FREEZE = "freeze:"
"""What the names of freezes' calendars begin with, among what is asked and among what is unread."""

StandIns = Callable[[Sequence[Collection[UserId]], datetime, dict[str, str]], tuple[Delegation, ...]]
"""Tells who stands in now for members of any of these sets, and notes why where that cannot be told."""

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


class FactsReader:
    """Fetches facts for one action; `close` ends its threads."""

    def __init__(
        self,
        directory: Directory,
        ledger: Ledger,
        sources: Sources,
        stand_ins: StandIns,
        deadline: timedelta = DEADLINE,
        *,
        overdue: Callable[[UserId], tuple[int, ...] | None] = lambda user: None,
        young: Young = lambda handle, members: frozenset(),
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._sources = sources
        self._stand_ins = stand_ins
        self._deadline = deadline
        self._overdue = overdue
        self._young = young
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="people")
        self._memory = FactMemory(ledger.now)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._memory.close()

    def read(
        self,
        policy: Policy,
        action: str,
        people: Iterable[UserId],
        request: Request | None = None,
        *,
        asked_by: Collection[UserId] = (),
    ) -> Facts:
        """Return what is known now for deciding on this action; `people` are looked up whatever happens.

        Facts that depend on the request are read only where there is one; else it may be said who asks.
        """
        concerned = asked_by if request is None else (request.requester, request.beneficiary)
        glass = request is not None and request.break_glass
        want = wanted(policy, action, break_glass=glass)
        behind = standing_behind(policy, concerned)
        want = replace(want, selectors=want.selectors | behind) if behind else want
        read = self._read(policy, want, [*people, *concerned], request)
        read = replace(read, behind=everybody(behind, read)) if behind else read
        return replace(read, overdue=self._overdue(request.requester)) if request is not None and glass else read

    def for_asking(self, policy: Policy, user: UserId) -> Facts:
        """Return what is known now for telling which actions somebody may ask for."""
        return self._read(policy, wanted_for_asking(policy), [user], None)

    def for_selectors(
        self, policy: Policy, selectors: Iterable[str], people: Iterable[UserId], *, asked_by: Collection[UserId] = ()
    ) -> Facts:
        """Return who these selectors name now, and who stands behind those who ask, where it is said who that is."""
        behind = standing_behind(policy, asked_by)
        read = self._read(policy, Wanted(frozenset(selectors) | behind), [*people, *asked_by], None)
        return replace(read, behind=everybody(behind, read)) if behind else read

    def afresh(self, calls: Iterable[FactCall], request: Request) -> Facts:
        """Return what these facts are at this moment for a request that runs; nothing remembered counts."""
        return self._read(Policy(), Wanted(facts=tuple(calls)), [request.requester], request, fresh=True)

    def _read(
        self, policy: Policy, want: Wanted, people: Iterable[UserId], request: Request | None, *, fresh: bool = False
    ) -> Facts:
        now, begin, seconds = self._ledger.now(), time.monotonic(), self._deadline.total_seconds()
        end, members_end = begin + seconds, begin + seconds * MEMBERS_SHARE
        unread: dict[str, str] = {}
        begun = {} if request is None else self._begin(want, request, Facts(now), {}, fresh=fresh)
        lookups = _Lookups(self._directory, self._threads)
        lookups.of(people)
        named = Members(policy, self._directory, self._threads, self._ask_for_all, now, self._young)
        members = named.read(want.selectors, unread, lambda asked, into: self._gather(asked, into, members_end))
        reviewers = [members.get(selector, frozenset()) for selector in want.reviewers]
        few = {user for group in reviewers if len(group) <= LOOKED_UP for user in group}
        delegations = self._stand_ins(reviewers, now, unread)
        stand_ins = {user for each in delegations for user in (each.delegator, each.delegate)}
        lookups.of(few | stand_ins)
        found = with_kinds(policy, {**lookups.known, **self._gather(lookups.asked, {}, end)})
        known = Facts(now, members, found, {}, unread, delegations=delegations, young=named.young)
        if request is None:
            return known
        begun |= self._begin(want, request, known, begun, fresh=fresh)
        return self._with_values(known, want, request, begun, end)

    def _begin(
        self, want: Wanted, request: Request, known: Facts, begun: Mapping[str, Future[Reading]], *, fresh: bool
    ) -> dict[str, Future[Reading]]:
        """Ask for the calendars and facts that are not asked for yet and whose arguments can be filled in by now."""
        filled = places(request, known)
        calendars = {f"{_FREEZE}{call.name}": call for call in want.calendars}
        asked = {name: self._ask_for_all(call) for name, call in calendars.items() if name not in begun}
        for name, call in want.calls().items():
            if name not in begun:
                with suppress(PolicyError):  # the only name that may be missing is the address of whoever asks
                    asked[name] = self._ask(call, fill(call.arguments, filled), fresh=fresh)
        return asked

    def _with_values(
        self, known: Facts, want: Wanted, request: Request, begun: Mapping[str, Future[Reading]], end: float
    ) -> Facts:
        unread = dict(known.unread)
        for name in want.calls().keys() - begun.keys():
            unread[name] = "whoever asks has no e-mail address that Slack shows"
        readings = self._gather(begun, unread, end)
        calendars = {name: readings.pop(name) for name in list(readings) if name.startswith(_FREEZE)}
        spans = {name.removeprefix(_FREEZE): reading.value for name, reading in calendars.items()}
        values = {name: reading.value for name, reading in readings.items()}
        attributes = self._attributes(known, want, request, values, unread)
        ages = {name: known.now - reading.at for name, reading in readings.items() if reading.at < known.now}
        return replace(known, values=values | attributes, unread=unread, ages=ages, spans=spans)

    def _attributes(
        self, known: Facts, want: Wanted, request: Request, values: dict[str, Any], unread: dict[str, str]
    ) -> dict[str, Any]:
        """Take the attributes of whoever asks out of what was read of everybody."""
        person = known.people.get(request.requester)
        found: dict[str, Any] = {}
        for each in want.attributes:
            name = f"{NAME}{each.name}"
            read = values.pop(name, None) if each.source is not None else {}
            try:
                found[name] = value_of(each, person, read, known.now)
                unread.pop(name, None)
            except FactUnavailable as error:
                unread.setdefault(name, str(error))
        return found

    def _ask_for_all(self, call: FactCall) -> Future[Reading]:
        """Ask for what does not depend on a request."""
        return self._ask(call, fill(call.arguments, {}))

    def _ask(self, call: FactCall, values: Mapping[str, Any], *, fresh: bool = False) -> Future[Reading]:
        try:
            arguments = self._sources.arguments(call.source, values)
            return self._memory.ask(call.source, self._sources.source(call.source), values, arguments, fresh=fresh)
        except KeyError:
            return _failed(f"the source {call.source} is not installed here any more")
        except InvalidInput as error:  # a value of the request that this source cannot take
            return _failed(str(error))

    def _gather(self, asked: Mapping[Key, Future[Value]], unread: dict[str, str], end: float) -> dict[Key, Value]:
        if not asked:
            return {}
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


class _Lookups:
    """Who people are: at once where it is remembered, and else asked for in a thread."""

    def __init__(self, directory: Directory, threads: ThreadPoolExecutor) -> None:
        self._directory = directory
        self._threads = threads
        self.known: dict[UserId, Person] = {}
        self.asked: dict[UserId, Future[Person]] = {}

    def of(self, people: Iterable[UserId]) -> None:
        """Look up those of these people who were not looked up yet."""
        for user in set(people) - self.known.keys() - self.asked.keys():
            known = self._directory.known(user)
            if known is None:
                self.asked[user] = self._threads.submit(self._person, user)
            else:
                self.known[user] = known

    def _person(self, user: UserId) -> Person:
        try:
            return self._directory.person(user)
        except NotFound:  # Slack forgets nobody: an unknown id is somebody who cannot act
            return Person(user, "", user, Standing.DEACTIVATED)


def _failed(why: str) -> Future[Reading]:
    future: Future[Reading] = Future()
    future.set_exception(FactUnavailable(why))
    return future
