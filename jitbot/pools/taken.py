"""A worker's side of a pool: it takes calls, says what their runs say, and answers. All it writes is a claim.

What it holds is fenced by the number of the attempt: after the service has put a call up again, nothing counts that an
earlier worker writes about it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert

from jitbot.audit import Signer
from jitbot.pools.calls import ANSWER, Answer, Call, CallState, Kind, Line, signed_text, written
from jitbot.pools.place import NOW, Place, waited
from jitbot.pools.tables import calls, lines, workers

KEPT_DAYS = 7
"""How long a call is kept after its deadline."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What a worker holds: one attempt at one call."""

    call: Call
    attempt: int
    deadline: datetime


class Taken:
    """The calls of one pool, for one worker."""

    def __init__(self, place: Place, worker: str, signer: Signer) -> None:
        """`signer` is the worker's own: what it answers is signed."""
        self._place, self._worker, self._signer = place, worker, signer

    def take(self, call: str, attempt: int) -> Hold | None:
        """Take a call; None where it is taken, withdrawn, put up anew, or too late. Raises: StoreUnavailable."""
        free = (calls.c.state == CallState.WAITING.value) & (calls.c.attempt == attempt) & (calls.c.take_before > NOW)
        free &= calls.c.addressed.in_(["", self._signer.key])
        takes = {
            "state": CallState.TAKEN.value,
            "worker": self._worker,
            "taken_at": NOW,
            "worker_key": self._signer.key,
        }
        change = update(calls).where(calls.c.id == call, free).values(**takes).returning(*calls.c)
        with self._place.begin() as connection:
            row = connection.execute(change).one_or_none()
        if row is None:
            return None
        asked = Call(row.id, Kind(row.kind), row.runner, row.inputs, row.receipt, row.key, row.deadline, row.until)
        return Hold(asked, attempt, row.deadline)

    def holds(self, hold: Hold) -> bool:
        """Tell whether a call is still this worker's. Raises: StoreUnavailable."""
        with self._place.begin() as connection:
            return connection.execute(select(calls.c.id).where(self._mine(hold))).first() is not None

    def warrant(self, hold: Hold) -> str | None:
        """Return the warrant for what this worker holds, empty while there is none; None where it holds it no more.

        Raises: StoreUnavailable.
        """
        query = select(calls.c.warrant, calls.c.warranted).where(self._mine(hold))
        with self._place.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        mine = row.warranted in (None, f"{self._worker}/{hold.attempt}")
        return (row.warrant or "") if mine else ""

    def addressed(self) -> Sequence[tuple[str, int]]:
        """Return the calls that wait for this worker alone, with their attempts. Raises: StoreUnavailable."""
        waits = (calls.c.addressed == self._signer.key) & (calls.c.state == CallState.WAITING.value)
        query = select(calls.c.id, calls.c.attempt).where(waits, calls.c.take_before > NOW).order_by(calls.c.asked_at)
        with self._place.begin() as connection:
            return [(row.id, row.attempt) for row in connection.execute(query)]

    def answer(self, hold: Hold, answer: Answer, said: Sequence[Line] = ()) -> bool:
        """Write the last lines and what came of a call, in one; False where it was put up again meanwhile.

        A call whose worker was given up is answered all the same. Raises: StoreUnavailable.
        """
        ours = (calls.c.worker == self._worker) & (calls.c.attempt == hold.attempt)
        open_still = calls.c.state.in_([CallState.TAKEN.value, CallState.LOST.value])
        kept = written(hold.call.kind, answer)
        signature = self._signer.vouch(ANSWER, signed_text(hold.call.id, hold.attempt, kept)).hex()
        change = update(calls).where(calls.c.id == hold.call.id, ours, open_still)
        with self._place.begin() as connection:
            _say(connection, hold, said)
            answers = {"state": CallState.ANSWERED.value, "answer": kept, "answered_at": NOW, "signature": signature}
            return connection.execute(change.values(**answers)).rowcount == 1

    def tell(
        self, runners: Sequence[str], said: Iterable[tuple[Hold, Sequence[Line]]] = ()
    ) -> Mapping[tuple[str, int], bool]:
        """Say that this worker is there, and what its runs have said.

        Returns the calls that it holds, by attempt, and whether each is to be stopped.

        Raises: StoreUnavailable.
        """
        alive = insert(workers).values(name=self._worker, runners=list(runners))
        alive = alive.on_conflict_do_update(index_elements=["name"], set_={"seen_at": NOW})
        mine = (calls.c.worker == self._worker) & (calls.c.state == CallState.TAKEN.value)
        held = select(calls.c.id, calls.c.attempt, calls.c.stopping).where(mine)
        with self._place.begin() as connection:
            connection.execute(alive)
            for hold, some in said:
                _say(connection, hold, some)
            return {(each.id, each.attempt): each.stopping for each in connection.execute(held)}

    def give_back(self, call: str, attempt: int) -> None:
        """Put back what was taken and never begun: that it was taken had remained unknown. Raises: StoreUnavailable."""
        mine = (calls.c.worker == self._worker) & (calls.c.attempt == attempt)
        taken = (calls.c.id == call) & (calls.c.state == CallState.TAKEN.value)
        back = {"state": CallState.WAITING.value, "worker": None, "worker_key": None, "taken_at": None}
        with self._place.begin() as connection:
            connection.execute(update(calls).where(mine, taken).values(**back))

    def leave(self) -> None:
        """Say that this worker is gone. Raises: StoreUnavailable."""
        with self._place.begin() as connection:
            connection.execute(delete(workers).where(workers.c.name == self._worker))

    def tidy(self) -> None:
        """Delete what is long over: calls with their lines, and workers that were lost. Raises: StoreUnavailable."""
        long_ago = waited(-KEPT_DAYS * 86400.0)
        with self._place.begin() as connection:
            gone = delete(calls).where(calls.c.deadline < long_ago).returning(calls.c.id)
            ids = list(connection.execute(gone).scalars())
            connection.execute(delete(lines).where(lines.c.call.in_(ids)))
            connection.execute(delete(workers).where(workers.c.seen_at < long_ago))

    def _mine(self, hold: Hold) -> ColumnElement[bool]:
        ours = (calls.c.worker == self._worker) & (calls.c.attempt == hold.attempt)
        return (calls.c.id == hold.call.id) & ours & (calls.c.state == CallState.TAKEN.value)


def _say(connection: Connection, hold: Hold, said: Iterable[Line]) -> None:
    rows = [{"call": hold.call.id, "attempt": hold.attempt, "result": each.result, "text": each.text} for each in said]
    if rows:
        connection.execute(plain_insert(lines), rows)
