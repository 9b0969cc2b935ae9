"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "chain",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", SERIAL, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain")),
    )
    op.create_table(
        "events",
        sa.Column("seq", SERIAL, autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("request", SERIAL, nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index("ix_events_request", "events", ["request", "seq"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.Column("request", SERIAL, nullable=True),
        sa.Column("body", JSON, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_done_at", "inbox", ["done_at", "received_at"], unique=False)
    op.create_index("ix_inbox_request", "inbox", ["request", "done_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("request", SERIAL, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("to", sa.String(length=255), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("parked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_due_at", "outbox", ["parked_at", "due_at", "urgency"], unique=False)
    op.create_table(
        "policy_sets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("files", JSON, nullable=False),
        sa.Column("loaded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_sets")),
    )
    op.create_table(
        "requests",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("requester", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("snapshot", JSON, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ttl", sa.Float(), nullable=True),
        sa.Column("decision", JSON, nullable=True),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("lapses_at", INSTANT, nullable=True),
        sa.Column("approved_at", INSTANT, nullable=True),
        sa.Column("start_by", INSTANT, nullable=True),
        sa.Column("start_deadline", INSTANT, nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("granted_at", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("undo_cause", sa.String(32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_open", sa.Boolean(), nullable=False),
        sa.Column("undo_attempts", sa.Integer(), nullable=False),
        sa.Column("receipt", JSON, nullable=True),
        sa.Column("handed_to", SERIAL, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_due_at", "requests", ["due_at"], unique=False)
    op.create_index("ix_requests_requester", "requests", ["requester", "id"], unique=False)
    op.create_index("ix_requests_state", "requests", ["state", "id"], unique=False)
    op.create_index("ix_requests_target", "requests", ["target", "state"], unique=False)
    op.create_table(
        "copies",
        sa.Column("request", SERIAL, nullable=False),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("ts", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_copies_request")),
        sa.PrimaryKeyConstraint("request", "place", name=op.f("pk_copies")),
    )
    op.create_index("ix_copies_channel", "copies", ["channel", "ts"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("request", SERIAL, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("selectors", JSON, nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_reviews_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("request", "revision", "reviewer", name=op.f("uq_reviews_request")),
    )


def downgrade() -> None:
    for table in ("reviews", "copies", "requests", "policy_sets", "outbox", "inbox", "events", "chain"):
        op.drop_table(table)
