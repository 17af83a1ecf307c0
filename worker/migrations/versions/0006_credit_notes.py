"""The invoice that a credit puts right: its credit note is what is sent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sends", sa.Column("invoice", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sends", "invoice")
