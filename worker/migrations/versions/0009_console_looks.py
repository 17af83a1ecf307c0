"""the console looks cases up by how a membership or a charge begins, and sums remedies without reading them"""

from __future__ import annotations

from worker.migrations import ops

revision = "0009"
down_revision: str | None = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("membership", "charge"):
        ops.replace_index(f"ix_findings_{name}", "findings", [name], postgresql_ops={name: "text_pattern_ops"})
    ops.replace_index("ix_remedies_state", "remedies", ["state", "kind", "currency", "held_because", "amount_minor"])


def downgrade() -> None:
    for name in ("membership", "charge"):
        ops.replace_index(f"ix_findings_{name}", "findings", [name])
    ops.replace_index("ix_remedies_state", "remedies", ["state"])
