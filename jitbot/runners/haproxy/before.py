"""How a server was before: from the receipt where there is one, else from the note in HAProxy."""

from jitbot.errors import RunnerRefused
from jitbot.model import Receipt
from jitbot.ports import Run
from jitbot.runners.haproxy.change import wanted
from jitbot.runners.haproxy.inputs import ServerInputs
from jitbot.runners.haproxy.runtime import Note, Settled, Sight


def note_for(told: ServerInputs, sight: Sight, run: Run) -> Note:
    """Return what is kept of how it was before: before this run, or before the grant that this one joins."""
    known, now = sight.note, sight.servers[told.name].settled
    if known is not None and known.open:
        joins = known.grant and now == wanted(told, now)
        if known.key == run.key or joins:
            return known
    return Note(run.key, now, grant=run.until is not None)


def known_before(note: Note | None, receipt: Receipt | None) -> Settled | None:
    if receipt is not None:
        return Settled(receipt.data["state"], receipt.data["weight"])
    return note.before if note is not None and note.open else None


def to_restore(note: Note | None, receipt: Receipt | None, run: Run) -> Settled | None:
    """Return what this undo has to restore; None where it has been, or where this run never began."""
    if note is not None and not note.open:
        return None
    if receipt is None and note is not None and not (note.grant or note.key == run.key):
        return None
    return known_before(note, receipt)


def goal_of_undo(told: ServerInputs, now: Settled, before: Settled) -> Settled:
    """Return how it has to be: as before in what was changed, else as it is. Raises: RunnerRefused."""
    goal = Settled(before.state if told.to else now.state, now.weight if told.weight is None else before.weight)
    ours = wanted(told, now)
    if now.state not in (ours.state, goal.state) or now.weight not in (ours.weight, goal.weight):
        raise RunnerRefused(
            f"{told.name} was changed by somebody else: it is {now}, and was made {ours}. It is left as it is. "
            f"Set it to {goal} by hand where that is right, and this undo ends."
        )
    return goal
