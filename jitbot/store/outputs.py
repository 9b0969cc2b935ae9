"""What runs said: written in the transactions of an entry, read back whole, and deleted some time after the end."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from jitbot.model import Chunk, Output, OutputId, Phase, Portion, RequestId
from jitbot.store.engine import Database
from jitbot.store.statements import upsert
from jitbot.store.tables import output_chunks, outputs, requests

UNDOS_KEPT = 10
"""An undo that fails is tried for ever: the output of the first try and of the latest ones is kept."""


class StoreOutputs:
    """Implements `ports.Outputs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, request: RequestId) -> Sequence[Output]:
        """Return what is kept of a request's runs, in the order in which they began."""
        query = select(outputs).where(outputs.c.request == request).order_by(outputs.c.id)
        with self._database.read() as connection:
            return [Output(**row._mapping) for row in connection.execute(query)]

    def chunks(self, output: OutputId) -> Sequence[Chunk]:
        """Return the text of one output."""
        columns = (output_chunks.c.number, output_chunks.c.data)
        query = select(*columns).where(output_chunks.c.output == output).order_by(output_chunks.c.number)
        with self._database.read() as connection:
            return [Chunk(row.number, bytes(row.data)) for row in connection.execute(query)]

    def forget(self, before: datetime, limit: int) -> int:
        """Delete some outputs of requests that had ended by then, and return how many."""
        old = (
            select(outputs.c.id)
            .join(requests, requests.c.id == outputs.c.request)
            .where(outputs.c.began_at <= before, requests.c.ended_at <= before)  # what is old is nearly all to go
            .order_by(outputs.c.began_at)
            .limit(limit)
        )
        with self._database.read() as connection:
            ids = [OutputId(each) for each in connection.execute(old).scalars()]
        if ids:
            with self._database.write() as connection:
                _delete(connection, ids)
        return len(ids)


def keep_output(connection: Connection, output: Output, portion: Portion, now: datetime) -> Output:
    """Write a portion of an output; the first one gives it its id."""
    values = {"long": output.long, "size": portion.size, "missing": portion.missing, "ended_at": output.ended_at}
    if not output.id:
        output = _begin(connection, replace(output, began_at=now))
    connection.execute(update(outputs).where(outputs.c.id == output.id).values(values))
    rows = [{"output": output.id, "number": chunk.number, "data": chunk.data} for chunk in portion.chunks]
    if rows:
        fresh = upsert(connection.dialect.name, output_chunks)
        grown = {"data": fresh.excluded.data}
        connection.execute(fresh.on_conflict_do_update(index_elements=["output", "number"], set_=grown), rows)
    if portion.gone:
        number = output_chunks.c.number
        gone = (number >= portion.gone.start) & (number < portion.gone.stop)
        connection.execute(delete(output_chunks).where(output_chunks.c.output == output.id, gone))
    return replace(output, size=portion.size, missing=portion.missing)


def _begin(connection: Connection, output: Output) -> Output:
    """Insert an output; of undos that are tried again and again, the output of older tries goes."""
    values = {name: getattr(output, name) for name in output.__dataclass_fields__ if name != "id"}
    given = connection.execute(insert(outputs).values(values).returning(outputs.c.id)).scalar_one()
    if output.phase is Phase.UNDO:
        same = (outputs.c.request == output.request) & (outputs.c.phase == output.phase)
        same &= outputs.c.results == output.results
        tries = [OutputId(each) for each in connection.execute(select(outputs.c.id).where(same)).scalars()]
        _delete(connection, sorted(tries)[1 : 1 - UNDOS_KEPT])
    return replace(output, id=OutputId(given))


def delete_outputs_of(connection: Connection, requests: Collection[int]) -> None:
    """Delete all that the runs of some requests have said."""
    ours = select(outputs.c.id).where(outputs.c.request.in_(requests))
    _delete(connection, [OutputId(each) for each in connection.execute(ours).scalars()])


def _delete(connection: Connection, ids: Sequence[OutputId]) -> None:
    if ids:
        connection.execute(delete(output_chunks).where(output_chunks.c.output.in_(ids)))
        connection.execute(delete(outputs).where(outputs.c.id.in_(ids)))
