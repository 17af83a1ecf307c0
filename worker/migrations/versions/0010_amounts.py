"""what a case comes to, in columns"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("findings", sa.Column("amount_minor", sa.BigInteger(), nullable=True))
    op.add_column("findings", sa.Column("amount_currency", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("findings", "amount_currency")
    op.drop_column("findings", "amount_minor")
