"""What richer policies need: planned starts, quotas, changes by approvers, delegations, and finding things quickly."""

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
POLICIES = sa.text("kind = 'policies'")
INDEXES = {
    "ix_requests_action": ("requests", ["action", "id"]),
    "ix_requests_quota": ("requests", ["requester", "quota"]),
    "ix_requests_created_at": ("requests", ["created_at"]),
    "ix_requests_started_at": ("requests", ["started_at"]),
    "ix_requests_ended_at": ("requests", ["ended_at"]),
    "ix_reviews_reviewer": ("reviews", ["reviewer", "at"]),
}


def upgrade() -> None:
    op.add_column("requests", sa.Column("starts_at", INSTANT, nullable=True))
    op.add_column("requests", sa.Column("changed_by", sa.String(length=32), nullable=True))
    op.add_column("requests", sa.Column("quota", sa.String(length=80), nullable=True))
    op.add_column("reviews", sa.Column("on_behalf_of", JSON, server_default=sa.text("'[]'"), nullable=False))
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
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)
    op.create_index("ix_events_policies", "events", ["seq"], sqlite_where=POLICIES, postgresql_where=POLICIES)


def downgrade() -> None:
    op.drop_index("ix_events_policies", table_name="events")
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
    op.drop_table("delegations")
    op.drop_column("reviews", "on_behalf_of")
    for column in ("quota", "changed_by", "starts_at"):
        op.drop_column("requests", column)
