"""the cases that are there get their amounts, and an index for each order of them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.migrations import ops

revision = "0011"
down_revision: str | None = "0010"
branch_labels = None
depends_on = None

_OF_REMEDY = """SELECT min({}) FROM remedies r WHERE r.finding = findings.key AND r.amount_minor IS NOT NULL
                AND (r.kind <> 'cancel_agreement' OR findings.kind = 'live_after_cancellation')"""
_LEAST_FIRST = "coalesce(amount_minor, -1)"
_RANKS = {"largest": f"(- {_LEAST_FIRST})", "smallest": _LEAST_FIRST}


def upgrade() -> None:
    ops.fill(
        "findings",
        {
            "amount_minor": f"coalesce(({_OF_REMEDY.format('r.amount_minor')}), excess_minor)",
            "amount_currency": f"coalesce(({_OF_REMEDY.format('r.currency')}), currency)",
        },
    )
    if op.get_bind().dialect.name == "postgresql":
        for name, rank in _RANKS.items():
            columns: list[str | sa.TextClause] = [sa.text("coalesce(amount_currency, 'zzz')"), sa.text(rank), "key"]
            ops.add_index(f"ix_findings_{name}", "findings", columns)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in _RANKS:
            ops.drop_index(f"ix_findings_{name}", "findings")
