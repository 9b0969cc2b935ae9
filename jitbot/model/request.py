"""A request: one person asking for one action, and everything that becomes of it.

All instants are aware and in UTC; all lengths are `timedelta`. A request is immutable: the ledger returns a new
one with every move.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from jitbot.model.decision import Decision
from jitbot.model.delegation import StandIn
from jitbot.model.extension import Extension
from jitbot.model.health import Checked
from jitbot.model.ids import RequestId
from jitbot.model.parts import Part, Progress, Waves
from jitbot.model.people import UserId
from jitbot.model.verification import Verification, Watch

WORKERS_OWN = frozenset({"due_at", "version", "owner", "lease_until", "fence", "last_line", "halted"})
"""The fields that say who works on it, when, and how far that is; they authorise nothing, so events leave them out."""

BETWEEN_WAVES = timedelta(minutes=2)
"""How long looking at the health between two waves may take, beside the pause."""


class State(StrEnum):
    """Where a request stands; the moves between states are the table in `lifecycle`."""

    DECIDING = "deciding"
    PENDING = "pending"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFYING = "verifying"
    ACTIVE = "active"
    UNDOING = "undoing"
    UNSURE = "unsure"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    MISSED = "missed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ROLLED_BACK = "rolled_back"


class UndoCause(StrEnum):
    """Why an undo began; written once, and it decides how the request ends."""

    EXPIRY = "expiry"
    REVOCATION = "revocation"
    DROP = "drop"
    STOP = "stop"
    UNHEALTHY = "unhealthy"
    REQUESTER_GONE = "requester_gone"
    NOT_STARTED = "not_started"
    PARTWAY = "partway"


class Verdict(StrEnum):
    """What one review says."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen, in words, as a diff, and as a fingerprint by which two plans are compared."""

    summary: str
    fingerprint: str
    diff: str = ""
    undoable: bool = False
    targets: int = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What will run, exactly; running, checking and undoing look here, never at today's policy.

    Where there are many targets, `parts` has one for each, `inputs` holds those of every part by its name, and
    `time_limit` is that of one of them.
    """

    title: str
    team: str
    channel: str
    runner: str
    inputs: Mapping[str, Any]
    target: str
    time_limit: timedelta
    risk: str = "medium"
    definition: str = ""
    """The digest of the action's definition as it stood when this was taken."""
    plan: Plan | None = None
    verify: Verification | None = None
    stoppable: bool = False
    """Whether somebody can have a run end early: its runner heeds that, or there is a next part to be left out."""
    waves: Waves | None = None
    parts: tuple[Part, ...] = ()
    held_at_most: timedelta | None = None
    """How long a grant may be held with all its extensions; None where it cannot be extended."""
    pool: str = ""
    """The pool whose workers carry it out; empty where the service itself does."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Everything that is touched."""
        return tuple(part.target for part in self.parts) or (self.target,)

    @property
    def longest(self) -> timedelta:
        """How long the whole start may take: each wave its time limit, and the pauses with their looks."""
        if self.waves is None:
            return self.time_limit
        waves = len(self.waves.split(len(self.parts)))
        return waves * self.time_limit + (waves - 1) * (self.waves.pause + BETWEEN_WAVES)


@dataclass(frozen=True, slots=True)
class Review:
    """One approver's recorded act on one revision; `selectors` are those it satisfied when given.

    `on_behalf_of` are the people for whom the reviewer stood in then. It counts once: as the reviewer's own, or in the
    place of one of them.
    """

    reviewer: UserId
    team: str
    verdict: Verdict
    at: datetime
    revision: int
    selectors: tuple[str, ...] = ()
    comment: str = ""
    on_behalf_of: tuple[StandIn, ...] = ()
    seen: str = ""
    """The digest of what they were shown (`service.facing`); empty where nothing says what that was."""

    @property
    def people(self) -> tuple[UserId, ...]:
        """Return everybody on whom this review depends."""
        return (self.reviewer, *(each.delegator for each in self.on_behalf_of))


@dataclass(frozen=True, slots=True)
class Obligation:
    """The review that is owed after break-glass: by when, by whom (selectors), and what came of it.

    `tell` are the channels that hear of it when it is overdue. `accepted` is None until it is reviewed.
    """

    due_at: datetime
    reviewers: tuple[str, ...]
    tell: tuple[str, ...] = ()
    reminded_at: datetime | None = None
    accepted: bool | None = None
    reviewed_by: UserId | None = None
    reviewed_at: datetime | None = None
    comment: str = ""

    @property
    def look_at(self) -> datetime | None:
        """When somebody has to be reminded of it next: once it is overdue, then daily; None once it is reviewed."""
        if self.reviewed_at is not None:
            return None
        return self.due_at if self.reminded_at is None else self.reminded_at + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. The fields from `due_at` on are the workers' own; all others are under the signed events."""

    id: RequestId
    revision: int
    state: State
    action: str
    requester: UserId
    team: str
    beneficiary: UserId
    source: str
    params: Mapping[str, Any]
    reason: str
    snapshot: Snapshot
    digest: str
    created_at: datetime
    ttl: timedelta | None = None
    starts_at: datetime | None = None
    """When it shall start at the earliest; None for at once."""
    changed_by: UserId | None = None
    """Who approved this revision with changes; their review says what is different."""
    quota: str | None = None
    """The rule whose quota this has taken a place of; it keeps the place, whatever becomes of it."""
    break_glass: bool = False
    """Whether it was asked to run at once, without the approvals that rules want."""
    obligation: Obligation | None = None
    """The review that is owed for it; from its start on."""
    extension: Extension | None = None
    """Which grant this has end later; then `ttl` is how long that lasts in all."""
    decision: Decision | None = None
    policy_digest: str = ""
    lapses_at: datetime | None = None
    waits_since: datetime | None = None
    """When it began to wait for reviews, as it stands now; a new revision begins anew."""
    escalated_at: datetime | None = None
    """Up to when those who are asked later have been told that they are."""
    reminded_at: datetime | None = None
    reminders: int = 0
    approved_at: datetime | None = None
    start_by: datetime | None = None
    start_deadline: datetime | None = None
    started_at: datetime | None = None
    granted_at: datetime | None = None
    expires_at: datetime | None = None
    target_ends_at: datetime | None = None
    """When its target ends the grant by itself at the latest, where an extension was begun that it may know of."""
    extended_by: RequestId | None = None
    """The latest extension of this grant."""
    ended_at: datetime | None = None
    undo_cause: UndoCause | None = None
    attempts: int = 0
    stopped_by: UserId | None = None
    """Who wants the run to end early; the runner is told, and what it has done by then is undone."""
    attempt_open: bool = False
    """True while a start was begun and its result is not known."""
    undo_attempts: int = 0
    receipt: Mapping[str, Any] | None = None
    progress: tuple[Progress, ...] = ()
    """How far each part has come, in the order of the snapshot's; empty before the start, and for one target."""
    watch: Watch | None = None
    """How far the watching has come that its action wants; None where it wants none, or it has not started."""
    checked: Checked | None = None
    """What the runner's check said last of an unsure result."""
    settled_by: UserId | None = None
    """Who said whether it happened; None where that was known, or found out by the check."""
    handed_to: RequestId | None = None
    """The holder that took over this grant's target when it ended."""
    outcome: str = ""
    """The last result in words, for people."""

    due_at: datetime | None = None
    """When somebody must look at this request next; None for never again."""
    version: int = 0
    """Moves with every change; a drawing of an older version never overwrites a newer one."""
    owner: str = ""
    lease_until: datetime | None = None
    fence: int = 0
    """Moves with every claim, so that a worker that lost its lease cannot write any more."""
    last_line: str = ""
    """The last line that a start has said, for the card, while it runs."""
    halted: str = ""
    """What keeps it from starting just now, in words for the card: which halts stand, only their own events say."""

    @property
    def name(self) -> str:
        """How people call it: `JIT-1042`."""
        return f"JIT-{self.id}"

    @property
    def undoable(self) -> bool:
        """Whether what it does can be taken back: a grant always, anything else by its plan."""
        return self.ttl is not None or (self.snapshot.plan is not None and self.snapshot.plan.undoable)

    @property
    def room(self) -> timedelta:
        """How much longer this grant may be held than it is, with all extensions together; 0 where it cannot be.

        It is counted from when it was granted. Behind broken glass, what guardrails grant there is the most.
        """
        most, owes = self.snapshot.held_at_most, self.decision.owes if self.decision else None
        if self.break_glass:
            most = min(most, owes.longest) if most and owes and owes.longest else None
        if most is None or self.granted_at is None or self.expires_at is None:
            return timedelta(0)
        left = self.granted_at + most - self.expires_at
        return max(timedelta(0), timedelta(seconds=left // timedelta(seconds=1)))

    @property
    def gone_by(self) -> datetime | None:
        """When it is gone from its target at the latest, whatever becomes of an extension that was begun."""
        ends = [each for each in (self.expires_at, self.target_ends_at) if each is not None]
        return max(ends, default=None)

    def may_land(self, at: datetime) -> bool:
        """Tell whether a start whose result is not known may come through after an instant: until its deadline."""
        return self.attempt_open and self.start_deadline is not None and at < self.start_deadline

    @property
    def run_key(self) -> str:
        """Return the key of this run: stable over retries, new for each revision."""
        return f"jit-{self.id}-{self.revision}"

    def key_of(self, part: int | None) -> str:
        """Return the key of one part's run; that of the whole where it has no parts."""
        return self.run_key if part is None else f"{self.run_key}-{part + 1}"


@dataclass(frozen=True, slots=True)
class Outdated:
    """A request that waits for people and was last decided by another policy set than the one in force."""

    id: RequestId
    action: str
    policy_digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What `start` gives back and `undo` gets; `data` is the runner's own and must be JSON."""

    data: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Privilege:
    """What somebody holds in a target system now, whoever gave it."""

    target: str
    """As the runner's `target` names it for the grant that would give this."""
    holder: str
    """Who has it, in the words of that system."""
    ours: bool | None = None
    """Whether the system itself says that jitbot gave it; None where it keeps no such mark."""
