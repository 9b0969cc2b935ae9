"""What richer policies need: planned starts, changes by approvers, quotas, and looking back quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
LOOKED_BACK_BY = ("created_at", "started_at", "ended_at")


def upgrade() -> None:
    op.add_column("requests", sa.Column("starts_at", INSTANT, nullable=True))
    op.add_column("requests", sa.Column("changed_by", sa.String(length=32), nullable=True))
    op.add_column("requests", sa.Column("quota", sa.String(length=80), nullable=True))
    op.create_index("ix_requests_quota", "requests", ["requester", "quota"], unique=False)
    op.create_index("ix_reviews_reviewer", "reviews", ["reviewer", "at"], unique=False)
    for name in LOOKED_BACK_BY:
        op.create_index(f"ix_requests_{name}", "requests", [name], unique=False)


def downgrade() -> None:
    for name in reversed(LOOKED_BACK_BY):
        op.drop_index(f"ix_requests_{name}", "requests")
    op.drop_index("ix_reviews_reviewer", "reviews")
    op.drop_index("ix_requests_quota", "requests")
    op.drop_column("requests", "quota")
    op.drop_column("requests", "changed_by")
    op.drop_column("requests", "starts_at")
