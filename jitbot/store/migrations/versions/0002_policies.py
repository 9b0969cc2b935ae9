"""What policies need: which set is in force is found at once, and an action's requests too."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

POLICIES = sa.text("kind = 'policies'")


def upgrade() -> None:
    op.create_index("ix_events_policies", "events", ["seq"], sqlite_where=POLICIES, postgresql_where=POLICIES)
    op.create_index("ix_requests_action", "requests", ["action", "id"])


def downgrade() -> None:
    op.drop_index("ix_requests_action", table_name="requests")
    op.drop_index("ix_events_policies", table_name="events")
