"""memberships are looked up by how their reference begins"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_memberships_ref_begins",
        "memberships",
        ["ref"],
        unique=False,
        postgresql_ops={"ref": "text_pattern_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_memberships_ref_begins", table_name="memberships")
