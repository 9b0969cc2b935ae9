"""When a head of the record last arrived at each sink: a row for each."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from jitbot.model import Arrival
from jitbot.store.statements import upsert
from jitbot.store.tables import sinks


def arrival_at(connection: Connection, sink: str, now: datetime) -> Arrival:
    """Read and lock how it is with a sink; a new one begins to wait now."""
    fresh = upsert(connection.dialect.name, sinks).values(name=sink, count=0, at=now, error="", alarmed_at=None)
    connection.execute(fresh.on_conflict_do_nothing(index_elements=["name"]))
    row = connection.execute(select(sinks).where(sinks.c.name == sink).with_for_update()).one()
    return to_arrival(row)


def keep_arrival(connection: Connection, arrival: Arrival) -> None:
    """Write how it is with a sink that is locked."""
    values = {name: getattr(arrival, name) for name in ("count", "at", "error", "alarmed_at")}
    connection.execute(sinks.update().where(sinks.c.name == arrival.sink).values(values))


def to_arrival(row: Row[Any]) -> Arrival:
    values = row._mapping
    return Arrival(values["name"], values["count"], values["at"], values["error"], values["alarmed_at"])
