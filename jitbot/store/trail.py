"""The signed record read back: whole, one request's, or one request rebuilt from it."""

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, cast

from sqlalchemy import Connection, Row, func, select

from jitbot.audit import GENESIS, KEY, Era, Forgotten, Mark, Sealed, Verifier
from jitbot.audit import Row as EventRow
from jitbot.errors import Tampered
from jitbot.lifecycle import HOLDING, TERMINAL, TRANSITIONS, Event
from jitbot.model import AuditEvent, Request, RequestId, Review
from jitbot.store import raw, statements, tables
from jitbot.store.engine import Database
from jitbot.store.folding import folded
from jitbot.store.proof import STRETCH, Rules, Stretch, verified
from jitbot.store.settled import Place, Settled
from jitbot.store.stated import Stated, line

PAGE = 1_000
REVIEWED = "reviewed_after"
CUT = "The end was cut off."
AT_ONCE = 500
"""So many hashes are asked for in one statement."""
LOOKED_BACK = 100_000
"""So many events a process that begins looks through for what is held: a second's work, however long the record."""
_ENDS = frozenset(event.value for (state, event), to in TRANSITIONS.items() if to in TERMINAL and state in HOLDING)
"""The kinds of events with which a request ends that may have held something."""
NO_SIGNATURES = sys.maxsize
"""Behind which event signatures are verified, where only the chain is."""


@dataclass(frozen=True, slots=True)
class _Head:
    """How many events there were when we looked, and the hash of the last."""

    count: int
    hash: bytes
    key: int
    """The newest event that names a key; 0 where the first key signs all of it."""

    def passed(self, sealed: Sealed) -> None:
        """See that the event with the head's number is the head's. Raises: Tampered."""
        if sealed.seq == self.count and sealed.hash != self.hash:
            raise Tampered(f"Event {sealed.seq} is not the one that the head names. {CUT}")

    def reached(self, count: int) -> None:
        """See that there were as many events. Raises: Tampered."""
        if count < self.count or (count and not self.count):
            raise Tampered(f"The record ends at event {count}, but {self.count} were written. {CUT}")


class StoreTrail:
    """Implements `ports.Trail`."""

    def __init__(self, database: Database, verifier: Verifier) -> None:
        """`verifier` knows the keys that were given by other means; later ones the record itself names."""
        self._database = database
        self._stated = Stated(verifier)
        self._settled = Settled(self._before, self._behind)

    def rebuild(self, request: RequestId) -> tuple[Request, Sequence[Review]]:
        """Fold a request's own events; none of them may be missing, changed or emptied."""
        return folded(request, self._chained(raw.OF_REQUEST, request=request))

    def signed(self, request: RequestId) -> Request:
        """Fold a request's own events, each verified by its own signature, whatever lies between them."""
        own = self._own(request)
        for fault in filter(None, (fault for _, fault in own)):
            raise fault
        return folded(request, [sealed for sealed, _ in own])[0]

    def salvaged(self, request: RequestId) -> Request:
        """Fold those of a request's own events that hold, each by its own signature, and pass over all others."""
        return folded(request, [each for each, fault in self._own(request) if fault is None and each.body])[0]

    def _own(self, request: RequestId) -> Sequence[tuple[Sealed, Tampered | None]]:
        """Return a request's own events, each with what is wrong with it by itself."""
        with self._database.read() as connection:
            rows = connection.execute(statements.OF_REQUEST, {"_request": request}).all()
        verifier = self._keys(max((row.newest_key or 0 for row in rows), default=0))
        return [(sealed, _fault(verifier, sealed, previous)) for sealed, previous in map(line, rows)]

    def latest(self, kind: str, after: int = 0) -> AuditEvent | None:
        """Return the newest event of a kind, if it is newer than `after`: verified, with everything that follows it."""
        with self._database.read() as connection:
            seq = connection.execute(statements.NEWEST_OF_KIND, {"_kind": kind}).scalar() or 0
        if seq < after:
            raise Tampered(f"Event {after} is gone, and nothing of its kind came later. {CUT}")
        if seq == after:
            return None
        (sealed,) = self._chained(raw.NUMBERED, seq=seq)
        if sealed.body is None:
            raise Tampered(f"Event {seq} is empty, and what it says is still needed.")
        return _event(sealed)

    def numbered(self, seq: int) -> AuditEvent:
        """Verify the hash and the signature of one event."""
        query = select(tables.events).where(tables.events.c.seq == seq)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            before = connection.execute(statements.HASH, {"_seq": seq - 1}).scalar()
            verifier = self._stated.keys(connection)
        if row is None:
            raise Tampered(f"Event {seq} is gone.")
        sealed = _sealed(row)
        verifier.event(sealed, before or GENESIS)
        if sealed.body is None:
            raise Tampered(f"Event {seq} is empty, and what it says is still needed.")
        return _event(sealed)

    def begun(self, after: int) -> tuple[int, Collection[RequestId]]:
        """Return the newest number, and what has begun behind one and not ended; nothing is verified.

        No more than the newest `LOOKED_BACK` events are looked through.
        """
        events = tables.events.c
        with self._database.read() as connection:
            newest = connection.execute(select(tables.chain.c.count)).scalar() or 0
            behind = (events.seq > max(after, newest - LOOKED_BACK)) & (events.seq <= newest)
            ended = select(events.request).where(behind, events.kind.in_(_ENDS))
            begun = select(events.request).where(behind, events.kind == Event.START, events.request.not_in(ended))
            return newest, {RequestId(each) for each in connection.execute(begun).scalars()}

    def told(self, request: RequestId, kind: str) -> Sequence[AuditEvent]:
        """Return a request's events of a kind, verified with everything that follows them."""
        chosen = self._chained(raw.OF_REQUEST_AND_KIND, request=request, kind=kind)
        return [_event(sealed) for sealed in chosen if sealed.body is not None]

    def settled(self, delivery: str, since: datetime) -> bool:
        """Tell whether events since an instant say that a delivery was worked on; all of them are verified.

        Where the bodies of some were deleted since, it counts as that.
        """
        return self._settled.holds(delivery, since)

    def _before(self, instant: datetime) -> Place:
        """Return the last but one of the events older than an instant, so that the age of the last is verified too."""
        table = tables.events
        query = select(table.c.seq).where(table.c.at < instant).order_by(table.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            before = max(0, (connection.execute(query).scalar() or 0) - 1)
        return before, self.hashes([before]).get(before, b"")

    def _behind(self, place: Place) -> Iterator[EventRow]:
        """Yield all events behind one, verified: by the signature of the last of them, which covers the others'."""
        with self._database.read() as connection:
            head = self._head(connection)
        last: Any = None
        for rows, verifier in self._followed(raw.ALL, {}, *place, head):
            yield from (row[:-1] for row in rows)
            last = rows[-1], verifier
        if last:
            _signed(*last)

    def owing(self) -> Sequence[Request]:
        """Rebuild every request that came to owe a review, but for those whose review is signed too."""
        kinds = tables.events.c.kind
        owed = select(tables.events.c.request).where(kinds == "owed").order_by(tables.events.c.request)
        settled = select(tables.events).where(kinds == REVIEWED, tables.events.c.request.in_(owed))
        with self._database.read() as connection:
            ids = [RequestId(each) for each in connection.execute(owed).scalars()]
            done = [_sealed(row) for row in connection.execute(settled)]
            verifier = self._stated.keys(connection)
        hashes = self.hashes(each.seq - 1 for each in done)
        for each in done:
            verifier.event(each, hashes.get(each.seq - 1, b""))
        reviewed = {each.request for each in done}
        rebuilt = (self.rebuild(each)[0] for each in ids if each not in reviewed)
        return [each for each in rebuilt if each.obligation is not None and each.obligation.reviewed_at is None]

    def follow(self, after: int, previous: bytes, kinds: Collection[str]) -> Iterator[Sealed]:
        """Yield the events of some kinds behind the one numbered `after` with the hash `previous`, all verified.

        The newest of all events is the last that is yielded, whatever its kind. Raises: Tampered.
        """
        wanted = {"kinds": list(kinds)}
        with self._database.read() as connection:
            head = self._head(connection)
        yield from (event for event, _ in self._verified(raw.OF_KINDS, wanted, after, previous, head))

    def _chained(self, own: str, **wanted: Any) -> Iterator[Sealed]:
        """Yield the events that `own` chooses (a request's, for example), verified, from the first of them on."""
        with self._database.read() as connection:
            first, before = raw.first(connection, own, wanted)
            head = self._head(connection)
        if first is None:
            return
        yield from (
            event for event, chosen in self._verified(own, wanted, first - 1, before or GENESIS, head) if chosen
        )

    def _verified(
        self, own: str, wanted: Mapping[str, Any], after: int, previous: bytes, head: _Head
    ) -> Iterator[tuple[Sealed, bool]]:
        """Yield the events behind one that `own` chooses, and the newest of all, each with whether it was chosen.

        Everything up to the head has to follow one from the other, or else one could be left out: a denial, or a run
        that is over. The signature of the last one covers those of the others.
        """
        rows, verifier = cast(Sequence[Any], ()), self._keys(head.key)
        for rows, verifier in self._followed(own, wanted, after, previous, head):
            for row in rows:
                if row[-1]:
                    yield _signed(row, verifier), True
        if rows and not rows[-1][-1]:
            yield _signed(rows[-1], verifier), False

    def _followed(
        self, own: str, wanted: Mapping[str, Any], after: int, previous: bytes, head: _Head
    ) -> Iterator[tuple[Sequence[Any], Verifier]]:
        """Yield the raw events behind one up to the newest, a page at a time; their chain is verified, and its length.

        With each page comes what knows the keys that sign it.
        """
        seq, verifier = after, self._keys(head.key)
        for rows in self._pages(own, wanted, after):
            begun, (seq, previous) = seq, verifier.rows([row[:-1] for row in rows], previous, seq, NO_SIGNATURES)
            if begun < head.count <= seq:
                head.passed(_from_raw(rows[head.count - begun - 1]))
            named = max((row[0] for row in rows if row[2] == KEY), default=0)
            if named > head.key:  # since we looked at the head
                verifier = self._keys(named)
            yield rows, verifier
        head.reached(seq)

    def _keys(self, newest: int) -> Verifier:
        """Return what knows every key up to the one that an event names. Raises: Tampered."""
        return self._stated.known(newest) or self.verifier()

    def hashes(self, numbers: Iterable[int]) -> Mapping[int, bytes]:
        """Return the hashes of some events by their numbers; before the first event there is one too."""
        found, wanted = {0: GENESIS}, sorted(set(numbers))
        with self._database.read() as connection:
            for first in range(0, len(wanted), AT_ONCE):
                some = tables.events.c.seq.in_(wanted[first : first + AT_ONCE])
                query = select(tables.events.c.seq, tables.events.c.hash).where(some)
                found |= {row.seq: row.hash for row in connection.execute(query)}
        return found

    def _pages(self, own: str, wanted: Mapping[str, Any], after: int) -> Iterator[Sequence[Any]]:
        """Yield the raw events behind one, a page at a time, each with whether it is chosen."""
        while True:
            with self._database.read() as connection:
                rows = raw.page(connection, own, wanted, after, PAGE)
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def events(
        self, request: RequestId | None = None, after: int = 0, limit: int = 100, since: datetime | None = None
    ) -> Sequence[AuditEvent]:
        """Return events in order."""
        query = select(tables.events).where(tables.events.c.seq > after).order_by(tables.events.c.seq).limit(limit)
        if request is not None:
            query = query.where(tables.events.c.request == request)
        if since is not None:
            query = query.where(tables.events.c.at >= since)
        with self._database.read() as connection:
            return [_event(_sealed(row)) for row in connection.execute(query)]

    def forgotten(self) -> Forgotten:
        """Return which bodies may be missing. Raises: Tampered."""
        with self._database.read() as connection:
            return self._stated.forgotten(connection)

    def verifier(self) -> Verifier:
        """Return what knows every key that signs the record. Raises: Tampered."""
        with self._database.read() as connection:
            return self._stated.keys(connection)

    def signing(self) -> str:
        """Return the fingerprint of the key that signs, as far as was read; nobody is asked."""
        return self._stated.signing

    def eras(self) -> Sequence[Era]:
        """Return which keys sign which events, oldest first. Raises: Tampered."""
        return self.verifier().eras

    def count(self) -> int:
        """Read the head's number."""
        with self._database.read() as connection:
            return connection.execute(select(tables.chain.c.count)).scalar() or 0

    def halted(self) -> int:
        """Read what the head says."""
        with self._database.read() as connection:
            return connection.execute(statements.HALTED).scalar() or 0

    def verify(self) -> int:
        """Verify every event and the head."""
        return self.verify_from(Mark()).count

    def verify_from(self, mark: Mark) -> Mark:
        """Verify the chain of all events and the head, and the signature of each event behind the mark.

        Returns a mark of the newest event. Raises: Tampered, also where the record does not lead through the mark.
        """
        while True:
            forgotten = self.forgotten()
            try:
                return self._verified_from(mark, forgotten)
            except Tampered:
                if self.forgotten() == forgotten:
                    raise  # else bodies went while we looked, and it may be only that

    def _verified_from(self, mark: Mark, forgotten: Forgotten) -> Mark:
        with self._database.read() as connection:
            head = self._head(connection)
            newest = connection.execute(select(func.max(tables.events.c.seq))).scalar() or 0
            bounds = sorted({*range(0, newest, STRETCH), mark.count, head.count, newest})
            known = select(tables.events.c.seq, tables.events.c.hash).where(tables.events.c.seq.in_(bounds))
            hashes = {0: GENESIS} | {row.seq: row.hash for row in connection.execute(known)}
            rules = Rules(self._stated.keys(connection), forgotten)
        head.reached(newest)
        if hashes.get(mark.count) != mark.hash:
            raise Tampered(f"Event {mark.count} is not the one that was verified before, or it is gone. {CUT}")
        if hashes.get(head.count) != head.hash:
            raise Tampered(f"Event {head.count} is not the one that the head names. {CUT}")
        stretches = [Stretch(after, hashes.get(after, b""), upto, mark.count) for after, upto in pairwise(bounds)]
        return Mark(newest, verified(self._database, rules, stretches))

    def _head(self, connection: Connection) -> _Head:
        """Read how long the record has to be at least. Raises: Tampered, where it was longer before our eyes."""
        upto, last = self._database.sealed  # before the reading: what is committed during it may not be seen by it
        row: Any = connection.execute(statements.CHAIN, {"_seq": upto}).one()
        count, digest, key, found = row
        if upto and found != last:
            raise Tampered(f"Event {upto} is not the one that was written. {CUT}")
        return _Head(0, GENESIS, key or 0) if count is None else _Head(count, digest, key or 0)


def _fault(verifier: Verifier, sealed: Sealed, previous: bytes) -> Tampered | None:
    try:
        verifier.event(sealed, previous)
    except Tampered as error:
        return error
    return None


def _sealed(row: Row[Any]) -> Sealed:
    return Sealed(**{name: row._mapping[name] for name in Sealed.__slots__})


def _signed(row: Any, verifier: Verifier) -> Sealed:
    """Return a raw row of which all but the signature is verified, and verify that. Raises: Tampered."""
    sealed = _from_raw(row)
    verifier.signed(sealed)
    return sealed


def _from_raw(row: Any) -> Sealed:
    seq, at, kind, request, body, *rest = row[:-1]
    return Sealed(seq, datetime.fromisoformat(at), kind, request, None if body is None else body.decode(), *rest)


def _event(sealed: Sealed) -> AuditEvent:
    body = json.loads(sealed.body) if sealed.body is not None else {}
    about = None if sealed.request is None else RequestId(sealed.request)
    return AuditEvent(sealed.seq, sealed.at, sealed.kind, about, body, deleted=sealed.body is None)
