"""memberships are looked up by how their reference begins"""

from __future__ import annotations

from worker.migrations import ops

revision = "0008"
down_revision: str | None = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ops.add_index("ix_memberships_ref_begins", "memberships", ["ref"], postgresql_ops={"ref": "text_pattern_ops"})


def downgrade() -> None:
    ops.drop_index("ix_memberships_ref_begins", "memberships")
