"""what the screen needs to know of a fact, in columns, and an index that has all of it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.migrations import ops

revision = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

_BOUND = sa.text("membership IS NOT NULL")


def upgrade() -> None:
    op.add_column("facts", sa.Column("plain", sa.Boolean(), nullable=True))
    op.add_column("facts", sa.Column("period_from", sa.DateTime(timezone=True), nullable=True))
    ops.replace_index(
        "ix_facts_membership",
        "facts",
        ["membership", "kind", "at", "amount_minor", "currency", "plain", "period_from"],
        postgresql_where=_BOUND,
        sqlite_where=_BOUND,
    )


def downgrade() -> None:
    ops.replace_index("ix_facts_membership", "facts", ["membership"], postgresql_where=_BOUND, sqlite_where=_BOUND)
    op.drop_column("facts", "period_from")
    op.drop_column("facts", "plain")
