"""The tables. Deadlines are columns: what is due is a query, never a stored job.

`requests` has one column for each field of `model.Request`, by the same name, so that a row and a request are one
thing; `target` is the snapshot's, drawn out so that holders of a target can be found. Where there are many, `parts`
has a row for each. `needs` is the oldest schema whose code understands the row; this code's rows need none.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from jitbot.model import (
    Checked,
    Decision,
    DeliveryKind,
    Extension,
    Obligation,
    Phase,
    Progress,
    Snapshot,
    StandIn,
    State,
    Topic,
    UndoCause,
    Verdict,
    Watch,
)
from jitbot.store.columns import Instant, Length, Value

SCHEMA = "0002"
"""The newest migration; a test holds it equal to Alembic's head."""

POLICIES = "kind = 'policies'"
"""Which events say that a policy set has come into force: few, and looked for every few seconds."""

OPEN = "state IN ('deciding', 'pending', 'approved')"
"""Which requests have yet to be decided, reviewed or started."""
KEY, FORGOTTEN = "kind = 'key'", "kind = 'forgotten'"
"""Which events say that another key signs, and which that bodies were deleted: few, looked for at each verifying."""

HALTS = "kind = 'halts'"
"""Which events say which halts stand: few, and none is passed over when a process starts."""

MEMBERS = "kind = 'members'"
"""Which events say who is in which user group, and since when."""

NEEDING = "needs IS NOT NULL"
"""Which requests only newer code understands (`store.newer`): none but while versions run side by side."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Serial = BigInteger().with_variant(Integer, "sqlite")


def words(kind: Any) -> Enum:
    """Return the column type of one of our string enumerations: its values as plain text."""
    return Enum(
        kind,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=False,
        length=32,
    )


requests = Table(
    "requests",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("state", words(State), nullable=False),
    Column("action", String(80), nullable=False),
    Column("requester", String(32), nullable=False),
    Column("team", String(32), nullable=False),
    Column("beneficiary", String(32), nullable=False),
    Column("source", String(32), nullable=False),
    Column("params", Value(Mapping[str, Any]), nullable=False),
    Column("reason", Text, nullable=False),
    Column("snapshot", Value(Snapshot), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ttl", Length),
    Column("starts_at", Instant),
    Column("changed_by", String(32)),
    Column("quota", String(80)),
    Column("break_glass", Boolean, nullable=False, server_default=false()),
    Column("obligation", Value(Obligation)),
    Column("extension", Value(Extension)),
    Column("decision", Value(Decision)),
    Column("policy_digest", String(64), nullable=False),
    Column("lapses_at", Instant),
    Column("waits_since", Instant),
    Column("escalated_at", Instant),
    Column("reminded_at", Instant),
    Column("reminders", Integer, nullable=False, server_default="0"),
    Column("approved_at", Instant),
    Column("start_by", Instant),
    Column("start_deadline", Instant),
    Column("started_at", Instant),
    Column("granted_at", Instant),
    Column("expires_at", Instant),
    Column("target_ends_at", Instant),
    Column("extended_by", Serial),
    Column("ended_at", Instant),
    Column("undo_cause", words(UndoCause)),
    Column("attempts", Integer, nullable=False),
    Column("stopped_by", String(32)),
    Column("attempt_open", Boolean, nullable=False),
    Column("undo_attempts", Integer, nullable=False),
    Column("receipt", Value(Mapping[str, Any])),
    Column("progress", Value(tuple[Progress, ...]), nullable=False, server_default=text("'[]'")),
    Column("watch", Value(Watch)),
    Column("checked", Value(Checked)),
    Column("settled_by", String(32)),
    Column("handed_to", Serial),
    Column("outcome", Text, nullable=False),
    Column("due_at", Instant),
    Column("version", Integer, nullable=False),
    Column("owner", String(80), nullable=False),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Column("last_line", Text, nullable=False, server_default=text("''")),
    Column("halted", Text, nullable=False, server_default=text("''")),
    Column("target", Text, nullable=False),
    Column("needs", String(32)),
    Index("ix_requests_action", "action", "id"),
    Index("ix_requests_due_at", "due_at"),
    Index("ix_requests_requester", "requester", "id"),
    Index("ix_requests_state", "state", "id"),
    Index("ix_requests_target", "target", "state"),
    Index("ix_requests_created_at", "created_at"),
    Index("ix_requests_started_at", "started_at"),
    Index("ix_requests_ended_at", "ended_at"),
    Index("ix_requests_quota", "requester", "quota"),
    Index("ix_requests_policy", "state", "policy_digest", "id"),
    Index("ix_requests_open", "requester", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    Index("ix_requests_needs", "needs", sqlite_where=text(NEEDING), postgresql_where=text(NEEDING)),
    sqlite_autoincrement=True,
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("request", ForeignKey("requests.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reviewer", String(32), nullable=False),
    Column("team", String(32), nullable=False),
    Column("verdict", words(Verdict), nullable=False),
    Column("at", Instant, nullable=False),
    Column("selectors", Value(tuple[str, ...]), nullable=False),
    Column("comment", Text, nullable=False),
    Column("on_behalf_of", Value(tuple[StandIn, ...]), nullable=False, server_default=text("'[]'")),
    Column("seen", String(32), nullable=False, server_default=text("''")),
    UniqueConstraint("request", "revision", "reviewer"),
    Index("ix_reviews_reviewer", "reviewer", "at"),
)

delegations = Table(
    "delegations",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("delegator", String(32), nullable=False),
    Column("delegate", String(32), nullable=False),
    Column("team", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("note", Text, nullable=False),
    Column("ended_at", Instant),
    Index("ix_delegations_ends_at", "ended_at", "ends_at"),
    sqlite_autoincrement=True,
)

events = Table(
    "events",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("request", Serial),
    Column("body", Text),
    Column("salt", LargeBinary(16)),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("key", String(16), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Index("ix_events_request", "request", "seq"),
    Index("ix_events_policies", "seq", sqlite_where=text(POLICIES), postgresql_where=text(POLICIES)),
    Index("ix_events_key", "seq", sqlite_where=text(KEY), postgresql_where=text(KEY)),
    Index("ix_events_forgotten", "seq", sqlite_where=text(FORGOTTEN), postgresql_where=text(FORGOTTEN)),
    Index("ix_events_halts", "seq", sqlite_where=text(HALTS), postgresql_where=text(HALTS)),
    Index("ix_events_members", "seq", sqlite_where=text(MEMBERS), postgresql_where=text(MEMBERS)),
    Index("ix_events_owed", "request", sqlite_where=text("kind = 'owed'"), postgresql_where=text("kind = 'owed'")),
)

chain = Table(
    "chain",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("count", Serial, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("key", String(16), nullable=False, server_default=text("''")),
    Column("halted", Serial, nullable=False, server_default="0"),
)
"""The head of the record. `key` signs the next event, the first of the key file where it is empty; `halted` is the
number of the newest event about halts."""

inbox = Table(
    "inbox",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("kind", words(DeliveryKind), nullable=False),
    Column("user", String(32), nullable=False),
    Column("team", String(32), nullable=False),
    Column("request", Serial),
    Column("body", Value(Mapping[str, Any]), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("lease_until", Instant),
    Column("attempts", Integer, nullable=False),
    Column("needs", String(32)),
    Column("seal", String(160), nullable=False, server_default=text("''")),
    Index("ix_inbox_done_at", "done_at", "received_at"),
    Index("ix_inbox_request", "request", "done_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("topic", words(Topic), nullable=False),
    Column("request", Serial),
    Column("text", Text, nullable=False),
    Column("to", String(255), nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", Instant),
    Index("ix_outbox_due_at", "parked_at", "due_at", "urgency"),
    sqlite_autoincrement=True,
)

copies = Table(
    "copies",
    metadata,
    Column("request", ForeignKey("requests.id"), primary_key=True),
    Column("place", String(255), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32)),
    Column("version", Integer, nullable=False),
    Column("unsure", Boolean, nullable=False),
    Index("ix_copies_channel", "channel", "ts"),
)

obligations = Table(
    "obligations",
    metadata,
    Column("request", ForeignKey("requests.id"), primary_key=True, autoincrement=False),
    Column("person", String(32), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("look_at", Instant),
    Column("reviewed_at", Instant),
    Index("ix_obligations_look_at", "look_at"),
    Index("ix_obligations_reviewed_at", "reviewed_at", "due_at"),
)
"""Reviews owed after break-glass, drawn out of the requests' own fields so that they can be found."""

parts = Table(
    "parts",
    metadata,
    Column("request", ForeignKey("requests.id"), primary_key=True, autoincrement=False),
    Column("target", Text, primary_key=True),
    Index("ix_parts_target", "target"),
)
"""The targets of requests that have many, drawn out of their snapshots so that their holders can be found."""

turns = Table(
    "turns",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("until", Instant, nullable=False),
    Column("wanted", String(8), nullable=False),
)
"""Which process does what one at a time does, until when it certainly does, and the newest schema among who waits."""

sinks = Table(
    "sinks",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("count", Serial, nullable=False),
    Column("at", Instant, nullable=False),
    Column("error", Text, nullable=False),
    Column("alarmed_at", Instant),
)
"""When a head of the record last arrived at each of the places that they go to, and whether operators were told."""

policy_sets = Table(
    "policy_sets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("files", Value(Mapping[str, str]), nullable=False),
    Column("loaded_at", Instant, nullable=False),
)

schemas = Table(
    "schemas",
    metadata,
    Column("schema", String(32), primary_key=True),
    Column("compatible", String(32), nullable=False),
)
"""For each schema since the second, the oldest one whose code may go on beside it (`store.upgrade`)."""

outputs = Table(
    "outputs",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("request", ForeignKey("requests.id"), nullable=False),
    Column("phase", words(Phase), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("results", Boolean, nullable=False),
    Column("long", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_outputs_request", "request", "id"),
    Index("ix_outputs_began_at", "began_at"),
    sqlite_autoincrement=True,
)
"""What runs said, a row for each that said anything; its text is in `output_chunks`."""

output_chunks = Table(
    "output_chunks",
    metadata,
    Column("output", ForeignKey("outputs.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
