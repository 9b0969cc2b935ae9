"""What the service needs from its database, each a small protocol with its contract: the ledger, and what is beside it.

Part of `ports`, where they are imported from. All instants are aware and in UTC.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from jitbot.audit import Head
from jitbot.lifecycle import Event
from jitbot.model import (
    Arrival,
    Asked,
    AuditEvent,
    Chunk,
    Copy,
    Counting,
    Delegated,
    Delegation,
    Delivery,
    Outdated,
    Outgoing,
    Output,
    OutputId,
    Past,
    Portion,
    Request,
    RequestId,
    Review,
    State,
    Tally,
    UserId,
)


class Entry(Protocol):  # more than eight methods: all of them must be one transaction
    """One write transaction. All of it is committed together, audit events last, or none of it.

    Raises `Conflict` where somebody else moved the row first, `StoreUnavailable` where the database fails.
    """

    now: datetime
    """The instant of this transaction."""

    def get(self, request: RequestId) -> Request:
        """Read and lock a request. Raises: NotFound, InNewerHands where only newer code understands it."""

    def reviews(self, request: Request) -> Sequence[Review]:
        """Return the reviews of the request's present revision, oldest first."""

    def add(self, request: Request, by: str) -> Request:
        """Insert a new request (its id is given here) with its first audit event."""

    def move(self, request: Request, event: Event, by: str, note: str = "", **changes: Any) -> Request:
        """Carry out one move of the lifecycle by compare-and-set on state and version, with its audit event.

        `changes` are fields of the request; a claim on it ends unless they say otherwise. Raises: Conflict, also for a
        worker whose fence is no longer the row's.
        """

    def amend(self, request: Request, kind: str, by: str, note: str = "", **changes: Any) -> Request:
        """Change fields without moving the state, with an audit event of that kind. Raises: Conflict."""

    def put_right(self, recorded: Request) -> Request:
        """Write a request's row as its record has it, whatever it says by now: due at once, and in nobody's hands."""

    def review(self, request: Request, review: Review) -> None:
        """Record a review; a later one by the same person on the same revision replaces it."""

    def record(self, kind: str, by: str, request: RequestId | None = None, **body: Any) -> None:
        """Append an audit event that moves nothing (a refusal, for example)."""

    def say(self, message: Outgoing, wait: timedelta = timedelta(0)) -> None:
        """Put a message into the outbox, to be said after a while; it replaces a waiting one of the same key."""

    def keep(self, output: Output, portion: Portion) -> Output:
        """Write a portion of what a run says; the first one of an output gives it its id."""

    def arrival(self, sink: str) -> Arrival:
        """Read and lock when a head of the record last arrived at a sink; a new one begins to wait now."""

    def arrived(self, arrival: Arrival) -> None:
        """Write how it is with a sink, which `arrival` has locked."""

    def settle(self, delivery: str) -> None:
        """Mark an inbox row done, in this transaction."""

    def waiting(self, request: RequestId) -> bool:
        """Tell whether a delivery for this request is kept and not worked on yet."""

    def tally(self, request: Request, what: Counting) -> Tally:
        """Count other requests; nobody else counts the same until this transaction ends. Comes before `holders`."""

    def asked(self, user: UserId, since: datetime, most: int) -> Asked:
        """Count a person's requests: those that are open, and of the newest, `most` of them, those made after `since`.

        Nobody else counts the same person's until this transaction ends.
        """

    def delegations(self, user: UserId) -> Sequence[Delegation]:
        """Return the rows in force by or to somebody, and lock what that person delegates."""

    def delegate(self, delegation: Delegation) -> Delegation:
        """Insert a new delegation (its id is given here) with its audit event."""

    def end_delegation(self, delegation: Delegation, by: UserId) -> Delegation:
        """End a delegation before its time, with its audit event. Raises: Conflict."""

    def alone(self, doing: str) -> None:
        """Wait until no other transaction is at this too; nobody else is until this one ends."""

    def unless_halted(self, as_of: int) -> None:
        """Let this be committed only if no halt was set or lifted since the event of that number.

        It is seen at the very commit, so that in the record no start stands behind a halt that it was not compared
        with. Raises, at the commit: Conflict.
        """

    def holders(self, *targets: str) -> Sequence[Request]:
        """Return the unfinished requests that were started on one of these targets, oldest first, locked.

        Raises: Conflict where newer code beside this one is at work on one of them.
        """


class Ledger(Protocol):
    """The truth: requests, reviews and their record."""

    def now(self) -> datetime:
        """Return the present instant by the ledger's clock (the database's own on Postgres)."""

    def begin(self) -> AbstractContextManager[Entry]:
        """Begin a write transaction. Raises: StoreUnavailable."""

    def get(self, request: RequestId) -> Request:
        """Read one request without locking it. Raises: NotFound, StoreUnavailable; InNewerHands as `Entry.get`."""

    def reviews(self, request: Request) -> Sequence[Review]:
        """Return the reviews of the request's present revision, oldest first."""

    def find(
        self, *, states: Sequence[State] = (), requester: UserId | None = None, limit: int = 50
    ) -> Sequence[Request]:
        """Return requests, newest first."""

    def behind(self, after: RequestId, states: Sequence[State], limit: int) -> Sequence[Request]:
        """Return requests in these states with a higher number, oldest first."""

    def tally(self, request: Request, what: Counting) -> Tally:
        """Count other requests, as advice: nothing is locked."""

    def last_on(self, target: str) -> Request | None:
        """Return the newest request that was started on a target, whatever became of it."""

    def waits(self, action: str, rule: str, limit: int) -> Sequence[timedelta]:
        """Return how long this rule's latest requests waited until people approved or denied them, newest first."""

    def outdated(self, digest: str, limit: int) -> Sequence[Outdated]:
        """Return what waits for people and was last decided by another policy set than this, oldest first."""

    def due(self, limit: int) -> Sequence[RequestId]:
        """Return what must be looked at now and is in nobody's hands, longest due first."""

    def claim(self, request: RequestId, owner: str, lease: timedelta) -> Request | None:
        """Take a due request for a while by compare-and-set; None if it is not due or in other hands."""

    def owed(self, limit: int) -> Sequence[RequestId]:
        """Return the requests whose review after break-glass is still owed, the longest due first."""

    def overdue(self, limit: int) -> Sequence[RequestId]:
        """Return those of them of which somebody has to be reminded now."""

    def renew(self, request: Request, lease: timedelta) -> bool:
        """Keep a claim for longer; False when it was lost."""


class History(Protocol):
    """What was done lately, for facts; it only looks. Raises, from both: StoreUnavailable."""

    def count(self, past: Past) -> int:
        """Return how many such requests there were."""

    def last(self, past: Past) -> datetime | None:
        """Return when the last was asked, was started or ended, by what is looked for; None if there is none."""


class Inbox(Protocol):
    """Deliveries, kept before they are acknowledged."""

    def put(self, delivery: Delivery, lease: timedelta) -> bool:
        """Commit a delivery, claimed for a while from its receipt; False if its key is known already.

        Raises: StoreUnavailable.
        """

    def get(self, key: str) -> Delivery | None:
        """Return a delivery that is not done yet, claimed for half a minute; None if done or in other hands.

        Raises: Tampered where it is not what one of us has taken in, or was worked on by the signed record.
        """

    def waiting(self, limit: int) -> Sequence[str]:
        """Return the keys of deliveries that are not done and in nobody's hands, oldest first."""


class Outbox(Protocol):
    """Messages that wait to be said, and the copies of cards that stand in Slack."""

    def claim(self, limit: int, lease: timedelta) -> Sequence[Outgoing]:
        """Take what is due, most urgent first."""

    def done(self, message: Outgoing) -> None:
        """Forget a message that was said; one put again under the same key meanwhile stays."""

    def retry(self, message: Outgoing, after: timedelta, error: str) -> None:
        """Keep a message for later."""

    def park(self, message: Outgoing, error: str) -> None:
        """Give a message up; `doctor` shows it."""

    def take_over(self) -> None:
        """Free what a process that is gone had claimed; only for whom nobody else says anything besides."""

    def copies(self, request: RequestId) -> Sequence[Copy]:
        """Return the copies of a card."""

    def keep(self, copy: Copy) -> None:
        """Store or update a copy, by request and place; an older version never replaces a newer one."""


class Outputs(Protocol):
    """What runs said, read back; it is written by `Entry.keep`. Raises, from all: StoreUnavailable."""

    def of(self, request: RequestId) -> Sequence[Output]:
        """Return what is kept of a request's runs, in the order in which they began."""

    def chunks(self, output: OutputId) -> Sequence[Chunk]:
        """Return the text of one output; nothing once it was deleted."""

    def forget(self, before: datetime, limit: int) -> int:
        """Delete some outputs of requests that had ended by then, and return how many."""


class Forgetting(Protocol):
    """Deletes what is older than it is to be kept. Raises, from both: StoreUnavailable."""

    def messages(self, before: datetime, limit: int) -> int:
        """Delete some of what came in and was done by then, and of what was given up by then; return how many."""

    def record(self, before: datetime, limit: int) -> int:
        """Forget so many events, no newer than that: their bodies, and the rows of requests that were over by then.

        That it is gone is stated by an event, and the record verifies as before. Returns how many were gone through, 0
        where all the rest is newer. Raises: Tampered, where they do not hold; Conflict, where others were faster.
        """


class Trail(Protocol):
    """The signed record, read back and verified."""

    def rebuild(self, request: RequestId) -> tuple[Request, Sequence[Review]]:
        """Rebuild a request and its present reviews from its own verified events alone. Raises: Tampered."""

    def latest(self, kind: str, after: int = 0) -> AuditEvent | None:
        """Return the newest event of a kind, verified; None where it is none newer than the one numbered `after`.

        Raises: Tampered, also where the one numbered `after` is gone.
        """

    def numbered(self, seq: int) -> AuditEvent:
        """Return one event, verified by itself alone: others may have come since. Raises: Tampered."""

    def events(
        self, request: RequestId | None = None, after: int = 0, limit: int = 100, since: datetime | None = None
    ) -> Sequence[AuditEvent]:
        """Return events in order: those with a higher number than `after`, and no older than `since`."""

    def signed(self, request: RequestId) -> Request:
        """Rebuild a request from its own events, each verified by its own signature; quick on the longest record.

        That none is missing is not seen. Raises: Tampered.
        """

    def salvaged(self, request: RequestId) -> Request:
        """Rebuild a request from those of its own events that hold; whatever else lies among them counts for nothing.

        Raises: Tampered, where they do not make one.
        """

    def begun(self, after: int) -> tuple[int, Collection[RequestId]]:
        """Return the newest event's number, and which requests have started behind one and not ended.

        Nothing is verified: what has begun may be asked for by `signed`.
        """

    def told(self, request: RequestId, kind: str) -> Sequence[AuditEvent]:
        """Return a request's events of a kind, verified. Raises: Tampered."""

    def owing(self) -> Sequence[Request]:
        """Return, rebuilt from verified events alone, the requests that owe a review. Raises: Tampered."""

    def count(self) -> int:
        """Return how many events there are, as the head of the record says; nothing is verified."""

    def halted(self) -> int:
        """Return the number of the newest event about halts, as the head of the record says; nothing is verified."""

    def verify(self) -> int:
        """Verify the whole chain and return how many events it has. Raises: Tampered."""


class Heads(Protocol):
    """Signed heads of the record, for whoever keeps them out of our reach."""

    def sign(self) -> Head:
        """Verify what is new in the record and sign its head. Raises: Tampered, StoreUnavailable."""

    def arrivals(self) -> Mapping[str, Arrival]:
        """Return how it is with each sink that was ever sent to. Raises: StoreUnavailable."""


class Delegations(Protocol):
    """Who stands in for whom, as far as the signed record says so."""

    def standing(self, at: datetime) -> Delegated:
        """Return what is in force at an instant, and what is wrong with rows that are not what was signed.

        Raises: Tampered where the record itself does not hold.
        """

    def of(self, user: UserId, at: datetime) -> Sequence[Delegation]:
        """Return what is in force by or to somebody. Raises: Tampered."""


class Turns(Protocol):
    """Whose turn it is to do what one process at a time does. Raises, from both: StoreUnavailable."""

    def take(self, name: str, owner: str, length: timedelta) -> bool:
        """Take a turn for so long from now on, or keep it; False while it is another's."""

    def leave(self, name: str, owner: str) -> None:
        """Let another take one's own turn at once."""


class PolicySets(Protocol):
    """The text of every policy set that was ever in force; which one is now, the signed record says."""

    def keep(self, digest: str, files: Mapping[str, str]) -> None:
        """Store a set, once. Raises: StoreUnavailable."""

    def files(self, digest: str) -> Mapping[str, str] | None:
        """Return the text of a set, None where there is none of that digest. Raises: StoreUnavailable."""
