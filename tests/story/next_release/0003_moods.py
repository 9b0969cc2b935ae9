"""Requests have moods, and there is a table of poems. This release's code may go on beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
compatible = "0002"


def upgrade() -> None:
    op.add_column("requests", sa.Column("mood", sa.String(32), nullable=False, server_default=""))
    op.create_table("poems", sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id"))


def downgrade() -> None:
    op.drop_table("poems")
    op.drop_column("requests", "mood")
