"""What the service needs from its database besides the ledger, each a small protocol with its contract.

Part of `ports`, where they are imported from. All instants are aware and in UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from jitbot.model import (
    AuditEvent,
    Chunk,
    Copy,
    Delegated,
    Delegation,
    Delivery,
    Outgoing,
    Output,
    OutputId,
    Past,
    Request,
    RequestId,
    Review,
    UserId,
)


class History(Protocol):
    """What was done lately, for facts; it only looks. Raises, from both: StoreUnavailable."""

    def count(self, past: Past) -> int:
        """Return how many such requests there were."""

    def last(self, past: Past) -> datetime | None:
        """Return when the last was asked, was started or ended, by what is looked for; None if there is none."""


class Inbox(Protocol):
    """Deliveries, kept before they are acknowledged."""

    def put(self, delivery: Delivery) -> bool:
        """Commit a delivery; False if its key is known already. Raises: StoreUnavailable."""

    def get(self, key: str) -> Delivery | None:
        """Return a delivery that is not done yet, claimed for half a minute; None if done or in other hands."""

    def waiting(self, limit: int) -> Sequence[str]:
        """Return the keys of deliveries that nobody has worked on for seconds, oldest first."""


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


class Trail(Protocol):
    """The signed record, read back and verified."""

    def rebuild(self, request: RequestId) -> tuple[Request, Sequence[Review]]:
        """Rebuild a request and its present reviews from its own verified events alone. Raises: Tampered."""

    def latest(self, kind: str, after: int = 0) -> AuditEvent | None:
        """Return the newest event of a kind, verified; None where it is none newer than the one numbered `after`.

        Raises: Tampered, also where the one numbered `after` is gone.
        """

    def events(
        self, request: RequestId | None = None, after: int = 0, limit: int = 100, since: datetime | None = None
    ) -> Sequence[AuditEvent]:
        """Return events in order: those with a higher number than `after`, and no older than `since`."""

    def told(self, request: RequestId, kind: str) -> Sequence[AuditEvent]:
        """Return a request's events of a kind, verified. Raises: Tampered."""

    def owing(self) -> Sequence[Request]:
        """Return, rebuilt from verified events alone, the requests that owe a review. Raises: Tampered."""

    def count(self) -> int:
        """Return how many events there are, as the head of the record says; nothing is verified."""

    def verify(self) -> int:
        """Verify the whole chain and return how many events it has. Raises: Tampered."""


class Delegations(Protocol):
    """Who stands in for whom, as far as the signed record says so."""

    def standing(self, at: datetime) -> Delegated:
        """Return what is in force at an instant, and what is wrong with rows that are not what was signed.

        Raises: Tampered where the record itself does not hold.
        """

    def of(self, user: UserId, at: datetime) -> Sequence[Delegation]:
        """Return what is in force by or to somebody. Raises: Tampered."""


class PolicySets(Protocol):
    """The text of every policy set that was ever in force; which one is now, the signed record says."""

    def keep(self, digest: str, files: Mapping[str, str]) -> None:
        """Store a set, once. Raises: StoreUnavailable."""

    def files(self, digest: str) -> Mapping[str, str] | None:
        """Return the text of a set, None where there is none of that digest. Raises: StoreUnavailable."""
