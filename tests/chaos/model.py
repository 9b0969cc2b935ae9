"""The model: what was promised to whom, kept outside of the bot, and what has to follow from it.

It knows what people did and what was acknowledged, what the far side has in its journal, and when the bot was dead.
What the ledger says afterwards is held against that. All times are Unix seconds of the machine's clock.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos.far_side import Effect
from tests.chaos.town import Action

UNDONE_STATES = frozenset({"expired", "revoked", "rolled_back"})
STARTED_BY_NOBODY = frozenset({"denied", "withdrawn", "lapsed", "missed"})
TERMINAL = UNDONE_STATES | STARTED_BY_NOBODY | {"succeeded", "failed"}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody did about a request; `acked` where the bot has acknowledged it."""

    at: float
    by: str
    what: str
    acked: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record: `what` is the verdict of a review, or what was refused."""

    at: float
    kind: str
    by: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger says of a request."""

    number: int
    state: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take: in seconds, the bot's hurry already counted in."""

    lapse: float
    time_limit: float
    timebox: float
    lease: float
    margin: float
    """For a sweep, a turn of the machine, and the call itself."""


@dataclass(slots=True)
class Story:
    """All that is known of one request from outside; and `rows`, what the ledger holds of it."""

    tag: str
    action: Action
    requester: str
    sick: bool = False
    acts: list[Act] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    @property
    def told(self) -> Iterator[str]:
        """Tell the story as lines, oldest first, for somebody who looks for a fault."""
        lines = [(each.at, f"{each.by} {each.what}{'' if each.acked else ', not acknowledged'}") for each in self.acts]
        lines += [(each.at, f"far side: {each.what} {each.target} by {each.key}") for each in self.effects]
        lines += [
            (each.at, f"record of JIT-{row.number}: {each.kind} {each.what} by {each.by}")
            for row in self.rows
            for each in row.events
        ]
        return (f"{at:.3f} {said}" for at, said in sorted(lines))

    def sent(self, what: str) -> list[Act]:
        """Return the acts of a kind, acknowledged or not."""
        return [each for each in self.acts if each.what == what]

    def starts(self) -> dict[str, list[Effect]]:
        """Return what was started, by the run's key."""
        found: dict[str, list[Effect]] = {}
        for each in self.effects:
            if each.what == "start":
                found.setdefault(each.key, []).append(each)
        return found

    def last(self, key: str) -> Effect:
        """Return what happened last by a key."""
        return [each for each in self.effects if each.key == key][-1]


ON_RECORD = {
    "approve": {("reviewed", "approve"), ("refused", "approve")},
    "deny": {("reviewed", "deny"), ("refused", "deny")},
    "withdraw": {("withdraw", ""), ("refused", "withdraw")},
    "drop": {("drop", ""), ("revoke", ""), ("stop", ""), ("stopping", ""), ("refused", "drop")},
}
"""How an acknowledged act stands in the record, one way or another."""


def judge(story: Story, downs: Sequence[tuple[float, float]], pace: Pace) -> list[str]:
    """Return what is wrong with a story that has come to its end, as sentences; `downs` are when the bot was dead."""
    if not story.rows:
        return list(_lost(story))
    (row, *others) = story.rows
    found = [f"was asked once and stands in the ledger as JIT-{each.number} too" for each in others]
    for rule in RULES:
        found += rule(story, row, pace)
    return [*found, *_failed(story, row, downs), *_late(story, row, downs, pace)]


def _lost(story: Story) -> Iterator[str]:
    if any(each.acked for each in story.sent("ask")):
        yield f"{story.requester} was told that {story.tag} is taken in, and the ledger does not hold it"
    if story.effects:
        yield "something was started that nobody finds in the ledger"


def _acknowledged(story: Story, row: Row, _: Pace) -> Iterator[str]:
    """What was acknowledged is on record: done, or refused in words."""
    record = {(each.kind, each.by, each.what) for each in row.events}
    for act in story.acts:
        ways = {(kind, act.by, what) for kind, what in ON_RECORD.get(act.what, ())}
        if act.acked and ways and not ways & record:
            yield f"{act.by}'s {act.what} was acknowledged, and the record holds neither it nor a refusal"


def _heeded(story: Story, row: Row, _: Pace) -> Iterator[str]:
    """What is on record was heeded."""
    kinds = {(each.kind, each.what) for each in row.events}
    if ("reviewed", "deny") in kinds and row.state != "denied":
        yield f"it was denied, and has ended as {row.state}"
    if ("withdraw", "") in kinds and row.state != "withdrawn":
        yield f"it was withdrawn, and has ended as {row.state}"
    counted = {each.by for each in row.events if (each.kind, each.what) == ("reviewed", "approve")}
    if row.state == "lapsed" and len(counted) >= story.action.approvals:
        yield f"it lapsed although {len(counted)} have approved it"


def _explained(story: Story, row: Row, pace: Pace) -> Iterator[str]:
    """It ended as it did because somebody did something, or because time passed."""
    asked = min((each.at for each in story.sent("ask")), default=0.0)
    ended = max((each.at for each in row.events), default=0.0)
    dropped = bool(story.sent("drop"))
    explained = {
        "denied": bool(story.sent("deny")),
        "withdrawn": bool(story.sent("withdraw")),
        "lapsed": ended - asked >= pace.lapse * 0.99,
        "missed": False,
        "expired": story.action.grant,
        "revoked": dropped and story.action.grant,
        "rolled_back": dropped or story.sick or bool(story.action.parts),
        "succeeded": not story.action.grant and not story.sick,
        "failed": True,
    }
    if row.state not in TERMINAL:
        yield f"it has not come to an end: it is {row.state}"
    elif not explained[row.state]:
        yield f"it has ended as {row.state}, and nobody did anything for that"


def _allowed(story: Story, row: Row, _: Pace) -> Iterator[str]:
    """Nothing was started without those who had to approve it."""
    starts = [each.at for run in story.starts().values() for each in run]
    if not starts:
        return
    approved = {each.by for each in story.sent("approve") if each.at <= min(starts)}
    if len(approved) < story.action.approvals:
        yield f"it was started when {len(approved)} had approved it, and it takes {story.action.approvals}"
    if row.state in STARTED_BY_NOBODY:
        yield f"it was started, and has ended as {row.state}"


def _once(story: Story, _: Row, __: Pace) -> Iterator[str]:
    """Nothing was started twice, unless its runner allows that."""
    for key, starts in story.starts().items():
        if len(starts) > 1 and not story.action.repeatable:
            yield f"{key} was started {len(starts)} times"


def _ended(story: Story, row: Row, _: Pace) -> Iterator[str]:
    """What is said to be done was done, and what is said to be over was taken back, last of all."""
    starts = story.starts()
    expected = len(story.action.parts) or 1
    if row.state == "succeeded" and len(starts) < expected:
        yield f"it is said to be done, and {len(starts)} of {expected} were started"
    if row.state == "failed" and not story.action.undoable and starts:
        yield "it is said not to have happened, and it was started"
    if story.action.undoable and row.state in UNDONE_STATES | {"failed"}:
        for key in starts:
            if story.last(key).what != "undo":
                yield f"it has ended as {row.state}, and {key} was not undone after it was started"
    if row.state == "succeeded" and any(story.last(key).what == "undo" for key in starts):
        yield "it is said to be done, and it was undone"


def _failed(story: Story, row: Row, downs: Sequence[tuple[float, float]]) -> Iterator[str]:
    """The far side refuses nothing, so nothing fails unless the bot died at it or somebody stopped it."""
    instants = [each.at for each in row.events]
    died = any(min(instants) <= died_at <= max(instants) for died_at, _ in downs)
    if row.state == "failed" and not died and not story.sent("drop"):
        yield "it has failed, and the bot did not die meanwhile"


def _late(story: Story, row: Row, downs: Sequence[tuple[float, float]], pace: Pace) -> Iterator[str]:
    """A grant is over on time, but for the downtime."""
    if not story.action.grant:
        return
    for key, (first, *_) in story.starts().items():
        granted = [each.at for each in row.events if each.kind == "grant"]
        end = min([first.at + pace.time_limit, *granted]) + pace.timebox
        undone = next((each.at for each in story.effects if each.key == key and each.what == "undo"), None)
        latest = excused(end, downs, pace)
        if undone is not None and undone > latest:
            more = f"{undone - latest:.1f} s more than downtime excuses"
            yield f"{key} was held {undone - end:.1f} s beyond its end, {more}"


def excused(end: float, downs: Sequence[tuple[float, float]], pace: Pace) -> float:
    """Return until when something that is due at `end` has to be done.

    Each death after it adds the time until the bot is back, and the lease of what the dead one had in its hands.
    """
    latest = end + pace.margin
    for died_at, back_at in sorted(downs):
        if back_at > end and died_at <= latest:
            latest += back_at - max(died_at, end) + pace.lease
    return latest


RULES: Sequence[Callable[[Story, Row, Pace], Iterator[str]]] = (
    _acknowledged,
    _heeded,
    _explained,
    _allowed,
    _once,
    _ended,
)
