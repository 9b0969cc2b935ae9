"""What richer policies need: planned starts, quotas, changes by approvers, delegations, waiting and break-glass.

And what is watched after a start, what runs say, and what finds things quickly.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
compatible = "0002"
"""The oldest schema whose code may go on beside this one (docs/howto/upgrade.md)."""

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
POLICIES, OWED, HALTS, MEMBERS = (sa.text(f"kind = '{kind}'") for kind in ("policies", "owed", "halts", "members"))
INDEXES = {
    "ix_requests_action": ("requests", ["action", "id"]),
    "ix_requests_quota": ("requests", ["requester", "quota"]),
    "ix_requests_created_at": ("requests", ["created_at"]),
    "ix_requests_started_at": ("requests", ["started_at"]),
    "ix_requests_ended_at": ("requests", ["ended_at"]),
    "ix_requests_policy": ("requests", ["state", "policy_digest", "id"]),
    "ix_reviews_reviewer": ("reviews", ["reviewer", "at"]),
}
NEEDING = sa.text("needs IS NOT NULL")
OPEN = sa.text("state IN ('deciding', 'pending', 'approved')")
PARTIAL = {
    "ix_events_policies": ("seq", POLICIES),
    "ix_events_owed": ("request", OWED),
    "ix_events_key": ("seq", sa.text("kind = 'key'")),
    "ix_events_forgotten": ("seq", sa.text("kind = 'forgotten'")),
    "ix_events_halts": ("seq", HALTS),
    "ix_events_members": ("seq", MEMBERS),
}


def upgrade() -> None:
    for column in (
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("changed_by", sa.String(length=32), nullable=True),
        sa.Column("quota", sa.String(length=80), nullable=True),
        sa.Column("waits_since", INSTANT, nullable=True),
        sa.Column("escalated_at", INSTANT, nullable=True),
        sa.Column("reminded_at", INSTANT, nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("break_glass", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("obligation", JSON, nullable=True),
        sa.Column("progress", JSON, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("watch", JSON, nullable=True),
        sa.Column("stopped_by", sa.String(length=32), nullable=True),
        sa.Column("extension", JSON, nullable=True),
        sa.Column("target_ends_at", INSTANT, nullable=True),
        sa.Column("extended_by", SERIAL, nullable=True),
        sa.Column("checked", JSON, nullable=True),
        sa.Column("settled_by", sa.String(length=32), nullable=True),
        sa.Column("last_line", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("halted", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("needs", sa.String(length=32), nullable=True),
    ):
        op.add_column("requests", column)
    op.add_column("reviews", sa.Column("on_behalf_of", JSON, server_default=sa.text("'[]'"), nullable=False))
    op.add_column("reviews", sa.Column("seen", sa.String(length=32), server_default=sa.text("''"), nullable=False))
    op.add_column("chain", sa.Column("halted", SERIAL, nullable=False, server_default="0"))
    op.add_column("inbox", sa.Column("needs", sa.String(length=32), nullable=True))
    op.add_column("inbox", sa.Column("seal", sa.String(length=160), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "schemas",
        sa.Column("schema", sa.String(length=32), nullable=False),
        sa.Column("compatible", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("schema", name=op.f("pk_schemas")),
    )
    _add_delegations()
    _add_obligations()
    _add_outputs()
    _add_parts()
    _add_turns()
    op.add_column("chain", sa.Column("key", sa.String(length=16), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "sinks",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("count", SERIAL, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("alarmed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sinks")),
    )
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)
    for name, (part, where) in PARTIAL.items():
        op.create_index(name, "events", [part], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_requests_needs", "requests", ["needs"], sqlite_where=NEEDING, postgresql_where=NEEDING)
    op.create_index("ix_requests_open", "requests", ["requester"], sqlite_where=OPEN, postgresql_where=OPEN)


def _add_delegations() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("delegator", sa.String(length=32), nullable=False),
        sa.Column("delegate", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delegations_ends_at", "delegations", ["ended_at", "ends_at"])


def _add_obligations() -> None:
    op.create_table(
        "obligations",
        sa.Column("request", SERIAL, nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("look_at", INSTANT, nullable=True),
        sa.Column("reviewed_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_obligations_request")),
        sa.PrimaryKeyConstraint("request", name=op.f("pk_obligations")),
    )
    op.create_index("ix_obligations_look_at", "obligations", ["look_at"])
    op.create_index("ix_obligations_reviewed_at", "obligations", ["reviewed_at", "due_at"])


def _add_outputs() -> None:
    op.create_table(
        "outputs",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("request", SERIAL, nullable=False),
        sa.Column("phase", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("results", sa.Boolean(), nullable=False),
        sa.Column("long", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_outputs_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outputs")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outputs_request", "outputs", ["request", "id"])
    op.create_index("ix_outputs_began_at", "outputs", ["began_at"])
    op.create_table(
        "output_chunks",
        sa.Column("output", SERIAL, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["output"], ["outputs.id"], name=op.f("fk_output_chunks_output")),
        sa.PrimaryKeyConstraint("output", "number", name=op.f("pk_output_chunks")),
    )


def _add_parts() -> None:
    op.create_table(
        "parts",
        sa.Column("request", SERIAL, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_parts_request")),
        sa.PrimaryKeyConstraint("request", "target", name=op.f("pk_parts")),
    )
    op.create_index("ix_parts_target", "parts", ["target"])


def _add_turns() -> None:
    op.create_table(
        "turns",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("wanted", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turns")),
    )


def downgrade() -> None:
    op.drop_index("ix_requests_open", table_name="requests")
    op.drop_index("ix_requests_needs", table_name="requests")
    op.drop_column("inbox", "seal")
    op.drop_column("inbox", "needs")
    op.drop_table("schemas")
    op.drop_table("sinks")
    op.drop_column("chain", "key")
    op.drop_table("turns")
    op.drop_table("output_chunks")
    op.drop_table("outputs")
    for name in PARTIAL:
        op.drop_index(name, table_name="events")
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
    op.drop_table("parts")
    op.drop_table("obligations")
    op.drop_table("delegations")
    op.drop_column("reviews", "seen")
    op.drop_column("reviews", "on_behalf_of")
    op.drop_column("chain", "halted")
    for name in (
        *("last_line", "halted", "needs"),
        *("obligation", "break_glass", "reminders", "reminded_at", "escalated_at", "waits_since"),
        *("quota", "changed_by", "starts_at", "stopped_by", "watch", "progress"),
        *("extension", "target_ends_at", "extended_by", "checked", "settled_by"),
    ):
        op.drop_column("requests", name)
