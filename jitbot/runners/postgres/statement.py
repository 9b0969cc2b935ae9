"""Runs one statement exactly as it was approved, in one transaction that is undone by itself where it does too much.

That it is one statement, and one that only reads or changes rows, is the server's own word: the protocol with bound
values takes one only, and EXPLAIN takes no other kind.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal, cast

import psycopg
from psycopg import RawCursor
from psycopg.rows import TupleRow, tuple_row
from pydantic import AfterValidator, BaseModel, Field

from jitbot.errors import RunnerRefused
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.site import HIDDEN
from jitbot.outbound.text import shown, visible
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.postgres.server import Name, Server
from jitbot.runners.postgres.session import Connection, Row, changing, looking, said
from jitbot.runners.postgres.stopping import cancelled_when

_TOUCHED = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint AS rows FROM pg_stat_xact_all_tables
"""
"""Counts what this transaction did to any table, also by triggers, cascades, functions and nested statements."""
_WRITING = frozenset({"Insert", "Update", "Delete", "Merge"})

_Column = tuple[str, int, int]


def _statement(text: str) -> str:
    if visible(text.replace("\n", " ")) != text.replace("\n", " "):
        raise ValueError("has characters that cannot be seen")
    return text


def _bound(value: str) -> str:
    if "\0" in value:
        raise ValueError("has a zero byte, which no text of Postgres has")
    return value


Value = Annotated[str, Field(max_length=10_000), AfterValidator(_bound)]


class StatementInputs(Server):
    """One statement; `$1`, `$2` and so on stand for the values, which are bound and never pasted."""

    statement: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_statement)]
    values: Annotated[tuple[Value | None, ...], Field(max_length=100)] = ()
    access: Literal["read", "write"] = "read"
    max_rows: Annotated[int, Field(ge=0, le=1_000_000)]
    """More rows than that, read or touched, and nothing happened."""
    seconds: Annotated[int, Field(ge=1, le=3_600)] = 60
    mask: tuple[Name, ...] = ()
    """Columns of tables whose values are not shown; whatever is computed is not shown then either."""
    show_rows: Annotated[int, Field(ge=0, le=100)] = 20


class PostgresStatement:
    """See `StatementInputs` for what it can be told."""

    Inputs: type[BaseModel] = StatementInputs
    repeatable = False
    undoable = False
    stoppable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(StatementInputs, inputs)
        return f"postgres:{told.address} database {told.database}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(StatementInputs, inputs)
        with looking(told, self._site) as connection:
            root = _explain(connection, told)
        changes = _changes(root)
        verb = ", ".join(changes) or "Read"
        summary = f"{verb} in {told.database} on {told.address}: about {_estimate(root)} rows, {told.max_rows} at most."
        lines = [told.statement, *(f"${n}: {_word(value)}" for n, value in enumerate(told.values, start=1))]
        lines += [f"not shown: {', '.join(told.mask)}, and what is computed"] if told.mask else []
        return Plan(summary, digest(told, changes), diff="\n".join(lines), undoable=False)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(StatementInputs, inputs)
        seconds = min(seconds_left(run), float(told.seconds))
        if told.access == "read":
            session, work = looking(told, self._site, seconds), _read
        else:
            session, work = changing(told, self._site, time.time() + seconds), _write
        with session as connection, cancelled_when(run.stopping, connection), _discreet(told):
            _explain(connection, told)
            lines, count = work(connection, told)
        for line in lines:
            run.result(line)
        done = f"{count} rows {'read' if told.access == 'read' else 'changed'}"
        run.log(done)
        return Receipt({"rows": count}, summary=done)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        if receipt is None:
            return Health(HealthState.UNKNOWN, "Whether the statement was committed cannot be seen afterwards.")
        return Health(HealthState.HEALTHY, f"the statement was run: {receipt.data.get('rows')} rows")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        raise RunnerRefused("A statement that was run cannot be taken back by jitbot.")


def _explain(connection: Connection, told: StatementInputs) -> Mapping[str, Any]:
    """Return the root of the server's plan. Raises: RunnerRefused where it is not one statement of the kind allowed.

    `prepare=True` is what has the server take one statement only, here and when it is run.
    """
    cursor = RawCursor(connection, row_factory=tuple_row)
    question = f"EXPLAIN (FORMAT JSON, VERBOSE) {told.statement}"
    try:
        row = cursor.execute(question.encode(), told.values, prepare=True).fetchone()
    except psycopg.Error as error:
        raise RunnerRefused(
            f"This is not one SELECT, INSERT, UPDATE, DELETE or MERGE that can be run: {said(error)}. Tables are named "
            f"with their schema (public.orders)."
        ) from error
    root: Mapping[str, Any] = cast(TupleRow, row)[0][0]["Plan"]
    writes = bool(_changes(root))
    if writes and told.access == "read":
        raise RunnerRefused("The statement changes rows, and this action only reads (`access: write` would let it).")
    if not writes and told.access == "write":
        raise RunnerRefused("The statement changes no rows of a table: use `access: read`.")
    return root


@contextmanager
def _discreet(told: StatementInputs) -> Iterator[None]:
    """Keep back what the server says of an error where columns are masked: it may quote a value of theirs."""
    try:
        yield
    except psycopg.Error as error:
        if not told.mask:
            raise
        raise RunnerRefused(
            f"{told.address} refused, and nothing was changed ({type(error).__name__}, SQLSTATE {error.sqlstate}). Its "
            f"words are not told, since they may quote what is masked."
        ) from None


def _changes(node: Mapping[str, Any]) -> Sequence[str]:
    """Return what a plan changes, as words like `Update public.orders`."""
    found = {f"{node['Operation']} {node['Schema']}.{node['Relation Name']}"} if _writes(node) else set()
    return sorted(found.union(*(_changes(child) for child in node.get("Plans", ()))))


def _writes(node: Mapping[str, Any]) -> bool:
    return node.get("Operation") in _WRITING


def _estimate(node: Mapping[str, Any]) -> int:
    """Return how many rows the server expects; where it only changes them, its plan tells of those that come in."""
    children = node.get("Plans", ()) if _writes(node) else ()
    return max([int(node["Plan Rows"]), *(int(child["Plan Rows"]) for child in children)])


def _read(connection: Connection, told: StatementInputs) -> tuple[Sequence[str], int]:
    """Read row by row, no further than is allowed."""
    cursor = RawCursor(connection, row_factory=tuple_row)
    kept: list[TupleRow] = []
    columns: Sequence[_Column] = ()
    count = 0
    for count, row in enumerate(cursor.stream(told.statement.encode(), told.values), start=1):
        if count > told.max_rows:
            raise RunnerRefused(f"There are more than the {told.max_rows} rows that are allowed; nothing was told.")
        if count <= told.show_rows:
            kept.append(row)
            columns = _columns(cursor)
    return _lines(connection, told, columns, kept), count


def _write(connection: Connection, told: StatementInputs) -> tuple[Sequence[str], int]:
    cursor = RawCursor(connection, row_factory=tuple_row)
    cursor.execute(told.statement.encode(), told.values, prepare=True)
    touched = cast(Row, connection.execute(_TOUCHED).fetchone())["rows"]
    count = max(touched, cursor.rowcount)
    if count > told.max_rows:
        raise RunnerRefused(f"It touched {count} rows, and {told.max_rows} are allowed: all of it was rolled back.")
    if cursor.description is None:
        return [], count
    return _lines(connection, told, _columns(cursor), cursor.fetchmany(told.show_rows)), count


def _columns(cursor: RawCursor[TupleRow]) -> Sequence[_Column]:
    """Return name and origin of each column of an answer: the table and the number in it, 0 where it is computed."""
    answer = cursor.pgresult
    if answer is None:
        return ()
    names = [column.name for column in cursor.description or ()]
    return [(name, answer.ftable(n), answer.ftablecol(n)) for n, name in enumerate(names)]


def _lines(
    connection: Connection, told: StatementInputs, columns: Sequence[_Column], rows: Sequence[TupleRow]
) -> Sequence[str]:
    """Write rows as lines, without the values of masked columns, whatever the statement calls them."""
    hidden = [bool(told.mask) and _is_hidden(connection, told, column) for column in columns]
    return [
        " | ".join(
            f"{name} = {HIDDEN if hide else _word(value)}"
            for (name, *_), hide, value in zip(columns, hidden, row, strict=True)
        )
        for row in rows
    ]


def _is_hidden(connection: Connection, told: StatementInputs, column: _Column) -> bool:
    name, table, number = column
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::oid AND attnum = %s"
    row = connection.execute(query, [table, number]).fetchone() if table else None
    return row is None or name in told.mask or row["attname"] in told.mask


def _word(value: object) -> str:
    return "null" if value is None else shown(str(value))
