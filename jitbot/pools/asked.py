"""The service's side of a pool: it asks, looks, has things stopped, and takes back what nobody has begun.

Every change is a compare-and-set on where the call stands, so that a worker that wakes up late, and a second service
that goes on with the work of a first, find out what holds by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Update, func, select, update
from sqlalchemy.dialects.postgresql import insert

from jitbot.pools.calls import Call, CallState, Line
from jitbot.pools.place import NOW, Place, waited
from jitbot.pools.tables import calls, lines, workers
from jitbot.pools.wakeups import wake

MOST_LINES = 1000
"""So many lines are read at a time; the rest comes with the next look."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a call stands now. `seen_at` is when its worker was last heard of; `read_to` the number of the last line."""

    state: CallState
    attempt: int
    worker: str
    seen_at: datetime | None
    too_late: bool
    """Whether nobody may begin it any more."""
    answer: Any
    lines: Sequence[Line]
    read_to: int
    worker_key: str = ""
    """The key that the worker says is its own."""
    warranted: str = ""
    signature: str = ""

    @property
    def holder(self) -> str:
        """Return who has it, and for which attempt."""
        return f"{self.worker}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class Live:
    """A worker of a pool, and for how many seconds nothing was heard of it."""

    name: str
    runners: Sequence[str]
    silent_seconds: float


class Asked:
    """The calls of one pool, for whoever asks."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def pool(self) -> str:
        """The name of the pool."""
        return self._place.pool

    def ask(self, call: Call, take_within: float | None = None) -> bool:
        """Put a call up, to be begun within so many seconds, or else before its deadline; a known one stays as it is.

        False where the one that is known is about something else. Raises: StoreUnavailable.
        """
        by = call.deadline if take_within is None else waited(take_within)
        assert by is not None  # noqa: S101 - what is done has a deadline, a look is taken within seconds
        with self._place.begin() as connection:
            new = insert(calls).values(self._row(call, by)).on_conflict_do_nothing().returning(calls.c.id)
            if connection.execute(new).first() is not None:
                self._wake(connection, call.id, 1)
                return True
            about = select(calls.c.runner, calls.c.inputs).where(calls.c.id == call.id)
            return tuple(connection.execute(about).one()) == (call.runner, dict(call.inputs))

    def _row(self, call: Call, by: object) -> dict[str, Any]:
        return {
            "id": call.id,
            "kind": call.kind.value,
            "runner": call.runner,
            "inputs": dict(call.inputs),
            "receipt": None if call.receipt is None else dict(call.receipt),
            "key": call.key,
            "deadline": call.deadline or by,
            "until": call.until,
            "addressed": call.addressed,
            "take_before": by,
            "state": CallState.WAITING.value,
        }

    def tell(self, call: Call, warrant: str, within: float) -> None:
        """Leave a call for its worker, with its warrant, to be found for so many seconds. Raises: StoreUnavailable."""
        with self._place.begin() as connection:
            connection.execute(insert(calls).values(self._row(call, waited(within)) | {"warrant": warrant}))

    def look(self, call: str, after: int = 0) -> Seen | None:
        """Return how a call stands, with the lines after a number; None if it is unknown. Raises: StoreUnavailable."""
        columns = (
            calls.c.state,
            calls.c.attempt,
            calls.c.worker,
            workers.c.seen_at,
            (calls.c.take_before <= NOW).label("too_late"),
            calls.c.answer,
            calls.c.worker_key,
            calls.c.warranted,
            calls.c.signature,
        )
        row = select(*columns).outerjoin(workers, workers.c.name == calls.c.worker).where(calls.c.id == call)
        said = select(lines.c.number, lines.c.text, lines.c.result)
        said = said.join(calls, (calls.c.id == lines.c.call) & (calls.c.attempt == lines.c.attempt))
        said = said.where(lines.c.call == call, lines.c.number > after).order_by(lines.c.number).limit(MOST_LINES)
        with self._place.begin() as connection:
            found = connection.execute(row).one_or_none()
            new = connection.execute(said).all()  # after the state: the lines of what has ended are all there
        if found is None:
            return None
        return Seen(
            state=CallState(found.state),
            attempt=found.attempt,
            worker=found.worker or "",
            seen_at=found.seen_at,
            too_late=found.too_late,
            answer=found.answer,
            lines=[Line(each.text, each.result) for each in new],
            read_to=new[-1].number if new else after,
            worker_key=found.worker_key or "",
            warranted=found.warranted or "",
            signature=found.signature or "",
        )

    def permit(self, call: str, seen: Seen, warrant: str) -> bool:
        """Hand a warrant to the worker that has a call; False where it has it no more. Raises: StoreUnavailable."""
        return self._set_taken(call, seen, warrant=warrant, warranted=seen.holder)

    def turn_away(self, call: str, seen: Seen) -> bool:
        """Take a call away from a worker that got no warrant for it; False where it has it no more."""
        return self._set_taken(call, seen, state=CallState.WITHDRAWN.value)

    def granted_by(self, key: str, within: float | None = None) -> str:
        """Return the key of the worker that says it has started a run, where one has; and if it was heard of lately.

        Raises: StoreUnavailable.
        """
        query = select(calls.c.worker_key).where(calls.c.id == key)
        if within is not None:
            lately = func.extract("epoch", NOW - workers.c.seen_at) < within
            query = query.join(workers, (workers.c.name == calls.c.worker) & lately)
        with self._place.begin() as connection:
            return connection.execute(query).scalar() or ""

    def wake(self, call: str, attempt: int) -> None:
        """Wake the workers once more for a call that nobody has taken. Raises: StoreUnavailable."""
        with self._place.begin() as connection:
            self._wake(connection, call, attempt)

    def withdraw(self, call: str) -> bool:
        """Take back a call that nobody has begun; False where somebody has. Raises: StoreUnavailable."""
        return self._set(call, CallState.WAITING, state=CallState.WITHDRAWN.value)

    def stop(self, call: str) -> None:
        """Have the worker told that its run is to end early. Raises: StoreUnavailable."""
        self._set(call, CallState.TAKEN, stopping=True)

    def lose(self, call: str, seen: Seen) -> bool:
        """Give up a worker of which nothing is heard; False where it was heard of since. Raises: StoreUnavailable."""
        return self._set_silent(call, seen, state=CallState.LOST.value)

    def again(self, call: str, seen: Seen) -> bool:
        """Put a call up once more, in the place of a worker of which nothing is heard. Raises: StoreUnavailable."""
        again = {"state": CallState.WAITING.value, "attempt": seen.attempt + 1, "worker": None, "taken_at": None}
        again |= {"worker_key": None, "warrant": None, "warranted": None}
        with self._place.begin() as connection:
            done = connection.execute(_silent(call, seen).values(**again)).rowcount == 1
            if done:
                self._wake(connection, call, seen.attempt + 1)
        return done

    def live(self, within: float) -> Sequence[Live]:
        """Return the workers that were heard of within so many seconds. Raises: StoreUnavailable."""
        silent = func.extract("epoch", NOW - workers.c.seen_at)
        query = select(workers.c.name, workers.c.runners, silent.label("silent")).where(silent < within)
        with self._place.begin() as connection:
            found = connection.execute(query.order_by(workers.c.name)).all()
        return [Live(each.name, tuple(each.runners), float(each.silent)) for each in found]

    def close(self) -> None:
        """Close every connection."""
        self._place.close()

    def _wake(self, connection: Connection, call: str, attempt: int) -> None:
        wake(connection, self._place.schema, call, attempt)

    def _set(self, call: str, where: CallState, **changes: Any) -> bool:
        change = update(calls).where(calls.c.id == call, calls.c.state == where.value).values(**changes)
        with self._place.begin() as connection:
            return connection.execute(change).rowcount == 1

    def _set_taken(self, call: str, seen: Seen, **changes: Any) -> bool:
        held = (calls.c.state == CallState.TAKEN.value) & (calls.c.attempt == seen.attempt)
        change = update(calls).where(calls.c.id == call, held, calls.c.worker == seen.worker)
        with self._place.begin() as connection:
            return connection.execute(change.values(**changes)).rowcount == 1

    def _set_silent(self, call: str, seen: Seen, **changes: Any) -> bool:
        with self._place.begin() as connection:
            return connection.execute(_silent(call, seen).values(**changes)).rowcount == 1


def _silent(call: str, seen: Seen) -> Update:
    """Return a change of a call that holds only while its worker is as silent as it was when it was looked at."""
    heard = select(workers.c.seen_at).where(workers.c.name == seen.worker).scalar_subquery()
    same = heard.is_not_distinct_from(seen.seen_at)
    taken = (calls.c.state == CallState.TAKEN.value) & (calls.c.attempt == seen.attempt)
    return update(calls).where(calls.c.id == call, taken, calls.c.worker == seen.worker, same)
