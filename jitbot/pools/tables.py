"""The tables of a pool, in its schema. Beside them stand those of procrastinate, which hold wake-ups and no truth."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text, false, func

from jitbot.store.columns import Instant

metadata = MetaData()

_NOW = func.clock_timestamp()

calls = Table(
    "calls",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("runner", Text, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("receipt", JSON(none_as_null=True)),
    Column("key", Text, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("until", Instant),
    Column("addressed", String(40), nullable=False, server_default=""),
    Column("take_before", Instant, nullable=False),
    Column("asked_at", Instant, nullable=False, server_default=_NOW),
    Column("state", String(20), nullable=False),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("stopping", Boolean, nullable=False, server_default=false()),
    Column("worker", Text),
    Column("worker_key", Text),
    Column("taken_at", Instant),
    Column("warrant", Text),
    Column("warranted", Text),
    Column("answer", JSON(none_as_null=True)),
    Column("signature", Text),
    Column("answered_at", Instant),
    Index("ix_calls_worker", "worker", "state"),
    Index("ix_calls_deadline", "deadline"),
    Index("ix_calls_addressed", "addressed", "state"),
)
"""One row for each call. `take_before` is when nobody may begin it any more; `attempt` fences off earlier workers.

`addressed` is the key of the one worker that may take it, empty for any; `warrant` is written once it is taken, for the
worker and attempt in `warranted`. Whoever writes here can hold things up, and have nothing done.
"""

lines = Table(
    "lines",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("call", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("result", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_lines_call", "call", "number"),
)
"""What runs have said, in order; `result` is for the requester alone."""

workers = Table(
    "workers",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("runners", JSON, nullable=False),
    Column("since", Instant, nullable=False, server_default=_NOW),
    Column("seen_at", Instant, nullable=False, server_default=_NOW),
)
"""Who works in this pool, and when each was last heard of."""

GRANTS = {
    "calls": "SELECT, UPDATE (state, worker, worker_key, taken_at, answer, signature, answered_at), DELETE",
    "lines": "SELECT, INSERT, DELETE",
    "workers": "SELECT, INSERT, UPDATE, DELETE",
}
"""What a pool's role may do: it cannot make up a call, nor change what one asks for."""
