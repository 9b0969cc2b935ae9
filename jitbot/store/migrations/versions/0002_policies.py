"""What richer policies need."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
OWED = sa.text("kind = 'owed'")


def upgrade() -> None:
    op.add_column("requests", sa.Column("waits_since", INSTANT, nullable=True))
    op.add_column("requests", sa.Column("escalated_at", INSTANT, nullable=True))
    op.add_column("requests", sa.Column("reminded_at", INSTANT, nullable=True))
    op.add_column("requests", sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("requests", sa.Column("break_glass", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("requests", sa.Column("obligation", JSON, nullable=True))
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
    op.create_index("ix_obligations_look_at", "obligations", ["look_at"], unique=False)
    op.create_index("ix_obligations_reviewed_at", "obligations", ["reviewed_at", "due_at"], unique=False)
    op.create_index("ix_events_owed", "events", ["request"], sqlite_where=OWED, postgresql_where=OWED)


def downgrade() -> None:
    op.drop_index("ix_events_owed", table_name="events")
    op.drop_table("obligations")
    for column in ("obligation", "break_glass", "reminders", "reminded_at", "escalated_at", "waits_since"):
        op.drop_column("requests", column)
