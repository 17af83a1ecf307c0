"""The console's users and sessions, and what its lists look for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from worker.migrations import ops

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_audit_subject": ("audit", ["subject", "n"]),
    "ix_audit_actor": ("audit", ["actor", "n"]),
    "ix_audit_action": ("audit", ["action", "n"]),
    "ix_findings_first_seen": ("findings", ["first_seen", "key"]),
}


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", json, nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"], unique=False)
    for name, (table, columns) in _INDEXES.items():
        ops.add_index(name, table, columns)
    ops.add_index(
        "ix_deliveries_failed",
        "deliveries",
        ["id"],
        postgresql_where=sa.text("state = 'failed'"),
        sqlite_where=sa.text("state = 'failed'"),
    )


def downgrade() -> None:
    ops.drop_index("ix_deliveries_failed", "deliveries")
    for name, (table, _) in _INDEXES.items():
        ops.drop_index(name, table)
    op.drop_index("ix_sessions_user_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("users")
