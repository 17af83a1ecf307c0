"""initial"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alarms")),
    )
    op.create_index("ix_alarms_told_at", "alarms", ["told_at"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("prepared_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("held_because", sa.Text(), nullable=True),
        sa.CheckConstraint("approved_by <> prepared_by", name=op.f("ck_approvals_four_eyes")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_approvals")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_key", "attempts", ["key"], unique=False)
    op.create_table(
        "audit",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
    )
    op.create_table(
        "backfills",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done')", name=op.f("ck_backfills_state")),
        sa.PrimaryKeyConstraint("provider", "kind", "since", "until", name=op.f("pk_backfills")),
    )
    op.create_table(
        "budgets",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_budgets_used")),
        sa.PrimaryKeyConstraint("day", "currency", name=op.f("pk_budgets")),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("told", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("force", sa.Text(), nullable=True),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_for", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cited", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("held_because", sa.Text(), nullable=True),
        sa.Column("granted", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'held', 'pending', 'refused')", name=op.f("ck_claims_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index("ix_claims_clause", "claims", ["clause"], unique=False)
    op.create_index("ix_claims_membership", "claims", ["membership"], unique=False)
    op.create_index("ix_claims_state", "claims", ["state", "deadline"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("transmission_id", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("abroad", sa.Text(), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('new', 'done', 'passed_over', 'failed')", name=op.f("ck_deliveries_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("provider", "account", "event_id", name=op.f("uq_deliveries_provider_account_event_id")),
    )
    op.create_index("ix_deliveries_transmission", "deliveries", ["provider", "transmission_id"], unique=False)
    op.create_index(
        "ix_deliveries_unhandled",
        "deliveries",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'new'"),
        sqlite_where=sa.text("state = 'new'"),
    )
    op.create_table(
        "facts",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=True),
        sa.Column("bound_by", sa.Text(), nullable=True),
        sa.Column("fits", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("payer", sa.Text(), nullable=True),
        sa.Column("named", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("invoice", sa.Text(), nullable=True),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_as_of", sa.Date(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("provider", "kind", "object_id", name=op.f("pk_facts")),
    )
    op.create_index(
        "ix_facts_by_day",
        "facts",
        ["provider", "at"],
        unique=False,
        postgresql_where=sa.text("kind IN ('charge', 'refund', 'dispute')"),
        sqlite_where=sa.text("kind IN ('charge', 'refund', 'dispute')"),
    )
    op.create_index(
        "ix_facts_charge",
        "facts",
        ["provider", "charge"],
        unique=False,
        postgresql_where=sa.text("charge IS NOT NULL"),
        sqlite_where=sa.text("charge IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_customer",
        "facts",
        ["provider", "customer"],
        unique=False,
        postgresql_where=sa.text("customer IS NOT NULL"),
        sqlite_where=sa.text("customer IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_email",
        "facts",
        ["email"],
        unique=False,
        postgresql_where=sa.text("email IS NOT NULL"),
        sqlite_where=sa.text("email IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_intent",
        "facts",
        ["provider", "intent"],
        unique=False,
        postgresql_where=sa.text("intent IS NOT NULL"),
        sqlite_where=sa.text("intent IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_invoice",
        "facts",
        ["provider", "invoice"],
        unique=False,
        postgresql_where=sa.text("invoice IS NOT NULL"),
        sqlite_where=sa.text("invoice IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_membership",
        "facts",
        ["membership"],
        unique=False,
        postgresql_where=sa.text("membership IS NOT NULL"),
        sqlite_where=sa.text("membership IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_named",
        "facts",
        ["named"],
        unique=False,
        postgresql_where=sa.text("named IS NOT NULL"),
        sqlite_where=sa.text("named IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_payer",
        "facts",
        ["provider", "payer"],
        unique=False,
        postgresql_where=sa.text("payer IS NOT NULL"),
        sqlite_where=sa.text("payer IS NOT NULL"),
    )
    op.create_index(
        "ix_facts_stray",
        "facts",
        ["judged_as_of", "at"],
        unique=False,
        postgresql_where=sa.text("kind = 'charge' AND (membership IS NULL OR judged_as_of IS NOT NULL)"),
        sqlite_where=sa.text("kind = 'charge' AND (membership IS NULL OR judged_as_of IS NOT NULL)"),
    )
    op.create_index(
        "ix_facts_subscription",
        "facts",
        ["provider", "subscription"],
        unique=False,
        postgresql_where=sa.text("subscription IS NOT NULL"),
        sqlite_where=sa.text("subscription IS NOT NULL"),
    )
    op.create_table(
        "findings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=True),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("agreement", sa.Text(), nullable=True),
        sa.Column("renewal", sa.Date(), nullable=True),
        sa.Column("charged_minor", sa.BigInteger(), nullable=True),
        sa.Column("expected_minor", sa.BigInteger(), nullable=True),
        sa.Column("excess_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("because", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'settled', 'waived', 'cleared')", name=op.f("ck_findings_status")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_charge", "findings", ["charge"], unique=False)
    op.create_index("ix_findings_membership", "findings", ["membership"], unique=False)
    op.create_index("ix_findings_status", "findings", ["status", "kind"], unique=False)
    op.create_table(
        "gaps",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_gaps")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "identifiers",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "kind", "value", "membership", name=op.f("pk_identifiers")),
    )
    op.create_index("ix_identifiers_membership", "identifiers", ["membership"], unique=False)
    op.create_table(
        "members",
        sa.Column("membership", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("membership", name=op.f("pk_members")),
    )
    op.create_index("ix_members_country", "members", ["country"], unique=False)
    op.create_table(
        "membership_versions",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("roster", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ref", "version", name=op.f("pk_membership_versions")),
    )
    op.create_table(
        "memberships",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("roster", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_as_of", sa.Date(), nullable=True),
        sa.Column("next_change", sa.Date(), nullable=True),
        sa.Column("touched", sa.Boolean(), nullable=False),
        sa.Column("explained", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_judged_as_of", "memberships", ["judged_as_of"], unique=False)
    op.create_index("ix_memberships_next_change", "memberships", ["next_change"], unique=False)
    op.create_index("ix_memberships_touched", "memberships", ["touched"], unique=False)
    op.create_table(
        "nights",
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("audit_head", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'done', 'superseded')", name=op.f("ck_nights_state")),
        sa.PrimaryKeyConstraint("night", name=op.f("pk_nights")),
    )
    op.create_table(
        "notices",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('review', 'waiting', 'sent', 'failed')", name=op.f("ck_notices_state")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_membership", "notices", ["membership"], unique=False)
    op.create_index("ix_notices_state", "notices", ["state"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("message", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent')", name=op.f("ck_outbox_state")),
        sa.PrimaryKeyConstraint("key", "channel", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "next_at"], unique=False)
    op.create_table(
        "remedies",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=True),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("cited", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("held_because", sa.Text(), nullable=True),
        sa.Column("arithmetic", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_by_person", sa.Boolean(), nullable=False),
        sa.Column("observed", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'held', 'submitted', 'settled', 'failed', 'waived')", name=op.f("ck_remedies_state")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_remedies")),
    )
    op.create_index("ix_remedies_finding", "remedies", ["finding"], unique=False)
    op.create_index("ix_remedies_membership", "remedies", ["membership"], unique=False)
    op.create_index("ix_remedies_state", "remedies", ["state"], unique=False)
    op.create_table(
        "run_decisions",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("finding_kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run", "remedy", name=op.f("pk_run_decisions")),
    )
    op.create_index("ix_run_decisions_remedy", "run_decisions", ["remedy"], unique=False)
    op.create_table(
        "runs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("charges", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_runs")),
    )
    op.create_table(
        "sends",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("key_first_sent", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sent", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("absent_reads", sa.Integer(), nullable=False),
        sa.Column("absent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("past", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reserved_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "step IN ('ready', 'sending', 'unknown', 'pending', 'settled', 'failed', 'parked')",
            name=op.f("ck_sends_step"),
        ),
        sa.CheckConstraint("way IN ('refund', 'credit', 'book', 'cancel')", name=op.f("ck_sends_way")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sends")),
    )
    op.create_index("ix_sends_result", "sends", ["provider", "result"], unique=False)
    op.create_index("ix_sends_step", "sends", ["step"], unique=False)
    op.create_index("ix_sends_target", "sends", ["provider", "target"], unique=False)
    op.create_table(
        "shown",
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("over_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("finding", name=op.f("pk_shown")),
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switches")),
    )
    op.create_table(
        "tellings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tellings")),
        sa.UniqueConstraint(
            "provider",
            "kind",
            "object_id",
            "digest",
            "source",
            name=op.f("uq_tellings_provider_kind_object_id_digest_source"),
        ),
    )
    op.create_table(
        "wrapped_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_wrapped_keys")),
    )


def downgrade() -> None:
    op.drop_table("wrapped_keys")
    op.drop_table("tellings")
    op.drop_table("switches")
    op.drop_table("shown")
    op.drop_index("ix_sends_target", table_name="sends")
    op.drop_index("ix_sends_step", table_name="sends")
    op.drop_index("ix_sends_result", table_name="sends")
    op.drop_table("sends")
    op.drop_table("runs")
    op.drop_index("ix_run_decisions_remedy", table_name="run_decisions")
    op.drop_table("run_decisions")
    op.drop_index("ix_remedies_state", table_name="remedies")
    op.drop_index("ix_remedies_membership", table_name="remedies")
    op.drop_index("ix_remedies_finding", table_name="remedies")
    op.drop_table("remedies")
    op.drop_index("ix_outbox_state", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_notices_state", table_name="notices")
    op.drop_index("ix_notices_membership", table_name="notices")
    op.drop_table("notices")
    op.drop_table("nights")
    op.drop_index("ix_memberships_touched", table_name="memberships")
    op.drop_index("ix_memberships_next_change", table_name="memberships")
    op.drop_index("ix_memberships_judged_as_of", table_name="memberships")
    op.drop_table("memberships")
    op.drop_table("membership_versions")
    op.drop_index("ix_members_country", table_name="members")
    op.drop_table("members")
    op.drop_index("ix_identifiers_membership", table_name="identifiers")
    op.drop_table("identifiers")
    op.drop_table("heartbeats")
    op.drop_table("gaps")
    op.drop_index("ix_findings_status", table_name="findings")
    op.drop_index("ix_findings_membership", table_name="findings")
    op.drop_index("ix_findings_charge", table_name="findings")
    op.drop_table("findings")
    op.drop_index(
        "ix_facts_subscription",
        table_name="facts",
        postgresql_where=sa.text("subscription IS NOT NULL"),
        sqlite_where=sa.text("subscription IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_stray",
        table_name="facts",
        postgresql_where=sa.text("kind = 'charge' AND (membership IS NULL OR judged_as_of IS NOT NULL)"),
        sqlite_where=sa.text("kind = 'charge' AND (membership IS NULL OR judged_as_of IS NOT NULL)"),
    )
    op.drop_index(
        "ix_facts_payer",
        table_name="facts",
        postgresql_where=sa.text("payer IS NOT NULL"),
        sqlite_where=sa.text("payer IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_named",
        table_name="facts",
        postgresql_where=sa.text("named IS NOT NULL"),
        sqlite_where=sa.text("named IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_membership",
        table_name="facts",
        postgresql_where=sa.text("membership IS NOT NULL"),
        sqlite_where=sa.text("membership IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_invoice",
        table_name="facts",
        postgresql_where=sa.text("invoice IS NOT NULL"),
        sqlite_where=sa.text("invoice IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_intent",
        table_name="facts",
        postgresql_where=sa.text("intent IS NOT NULL"),
        sqlite_where=sa.text("intent IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_email",
        table_name="facts",
        postgresql_where=sa.text("email IS NOT NULL"),
        sqlite_where=sa.text("email IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_customer",
        table_name="facts",
        postgresql_where=sa.text("customer IS NOT NULL"),
        sqlite_where=sa.text("customer IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_charge",
        table_name="facts",
        postgresql_where=sa.text("charge IS NOT NULL"),
        sqlite_where=sa.text("charge IS NOT NULL"),
    )
    op.drop_index(
        "ix_facts_by_day",
        table_name="facts",
        postgresql_where=sa.text("kind IN ('charge', 'refund', 'dispute')"),
        sqlite_where=sa.text("kind IN ('charge', 'refund', 'dispute')"),
    )
    op.drop_table("facts")
    op.drop_index(
        "ix_deliveries_unhandled",
        table_name="deliveries",
        postgresql_where=sa.text("state = 'new'"),
        sqlite_where=sa.text("state = 'new'"),
    )
    op.drop_index("ix_deliveries_transmission", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index("ix_claims_state", table_name="claims")
    op.drop_index("ix_claims_membership", table_name="claims")
    op.drop_index("ix_claims_clause", table_name="claims")
    op.drop_table("claims")
    op.drop_table("budgets")
    op.drop_table("backfills")
    op.drop_table("audit")
    op.drop_index("ix_attempts_key", table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("approvals")
    op.drop_index("ix_alarms_told_at", table_name="alarms")
    op.drop_table("alarms")
