"""Cancels what one backend does, or ends it: the one that was shown, never another that has got its pid since.

A pid is used again; pid and the instant at which the backend began are not. Both are demanded in the statement that
sends the signal.
"""

import time
from typing import Annotated, Any, Literal, cast

import psycopg
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import shown
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.postgres.server import Name, Server
from jitbot.runners.postgres.session import Connection, Row, at_once, looking, said

GONE_MILLISECONDS = 5_000
"""How long a backend that is ended may take to be gone."""

_ACTIVITY = """
SELECT usename, datname, application_name, host(client_addr) AS client_addr, state, query, query_start::text
FROM pg_stat_activity
WHERE pid = %s AND backend_start = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_SIGNAL = """
SELECT {} AS done FROM pg_stat_activity
WHERE pid = %s AND backend_start = %s AND usename = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_CANCEL = _SIGNAL.format("pg_cancel_backend(pid)")
_TERMINATE = _SIGNAL.format(f"pg_terminate_backend(pid, {GONE_MILLISECONDS})")


def _instant(value: Any) -> Any:
    """Take an instant as Postgres prints it too, which leaves out the minutes of a zone that has none."""
    if isinstance(value, str) and len(value) > 3 and value[-3] in "+-" and value[-2:].isdigit():
        return f"{value}:00"
    return value


class BackendInputs(Server):
    """A backend by pid and beginning, as `pg_stat_activity` tells them."""

    pid: Annotated[int, Field(ge=1)]
    backend_start: Annotated[AwareDatetime, BeforeValidator(_instant)]
    how: Literal["cancel", "terminate"]
    login: Name
    """Whose backends may be touched at all."""


class PostgresBackend:
    """See `BackendInputs` for what it can be told."""

    Inputs: type[BaseModel] = BackendInputs
    repeatable = False
    """A second cancel would hit the next query."""
    undoable = False

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(BackendInputs, inputs)
        return f"postgres:{told.address} backend {told.pid} of {told.backend_start.isoformat()}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(BackendInputs, inputs)
        with looking(told, self._site) as connection:
            row = _demand(connection, told)
        verb = "Cancel what" if told.how == "cancel" else "End"
        does = " does" if told.how == "cancel" else ""
        summary = f"{verb} backend {told.pid} of {told.login} on {told.address}{does}."
        client = " from ".join(filter(None, [row["application_name"], row["client_addr"]]))
        where = f"  in {row['datname']}, {shown(client) or 'a nameless client'}"
        lines = [where, f"  since {row['query_start']}: {shown(row['query'])}"]
        who = {name: row[name] for name in ("usename", "datname", "query", "query_start")}
        return Plan(summary, digest(told, who), diff="\n".join(lines), undoable=False)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(BackendInputs, inputs)
        with at_once(told, self._site, time.time() + seconds_left(run)) as connection:
            before = _demand(connection, told)
            query = _CANCEL if told.how == "cancel" else _TERMINATE
            try:
                row = connection.execute(query.encode(), [told.pid, told.backend_start, told.login]).fetchone()
            except psycopg.errors.InsufficientPrivilege as error:
                raise RunnerRefused(f"{told.address} refused, and nothing was done: {said(error)}") from error
        if row is None:
            raise RunnerRefused(f"Backend {told.pid} ended by itself; nothing was done.")
        if not row["done"]:
            raise RunnerUnsure(f"Backend {told.pid} was told to end, and had not after {GONE_MILLISECONDS} ms.")
        done = f"backend {told.pid} was {'told to cancel' if told.how == 'cancel' else 'ended'}"
        run.log(done)
        return Receipt({"query_start": before["query_start"]}, summary=done)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(BackendInputs, inputs)
        with looking(told, self._site) as connection:
            row = connection.execute(_ACTIVITY, [told.pid, told.backend_start]).fetchone()
        if row is None:
            return Health(HealthState.HEALTHY, f"backend {told.pid} is gone")
        if told.how == "terminate":
            return Health(HealthState.ABSENT, f"backend {told.pid} is still there")
        if receipt is None:
            return Health(HealthState.UNKNOWN, f"backend {told.pid} is there, perhaps with another query")
        if row["state"] == "active" and row["query_start"] == receipt.data.get("query_start"):
            return Health(HealthState.UNHEALTHY, f"backend {told.pid} goes on with the same query")
        return Health(HealthState.HEALTHY, f"backend {told.pid} is {row['state']}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        raise RunnerRefused("What was cancelled or ended cannot be taken back.")


def _demand(connection: Connection, told: BackendInputs) -> Row:
    """Return what a backend does. Raises: RunnerRefused where it is gone, another's, or cannot be seen."""
    row = connection.execute(_ACTIVITY, [told.pid, told.backend_start]).fetchone()
    if row is None:
        raise RunnerRefused(
            f"There is no backend {told.pid} that began at {told.backend_start.isoformat()} on {told.address}, or "
            f"{told.user} may not see it: GRANT pg_read_all_stats TO {told.user}."
        )
    if row["usename"] != told.login:
        raise RunnerRefused(f"Backend {told.pid} is of {row['usename']}, not of {told.login}.")
    if told.how == "cancel" and row["state"] != "active":
        raise RunnerRefused(f"Backend {told.pid} runs nothing that could be cancelled: it is {row['state']}.")
    return row
