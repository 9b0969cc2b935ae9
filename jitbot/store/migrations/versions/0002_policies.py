"""What richer policies need."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("created_at", "started_at", "ended_at"):
        op.create_index(f"ix_requests_{name}", "requests", [name], unique=False)


def downgrade() -> None:
    for name in ("ended_at", "started_at", "created_at"):
        op.drop_index(f"ix_requests_{name}", "requests")
