"""Every table, once, for Postgres and SQLite. Money is whole minor units (BIGINT) with its currency; times are UTC;
dates are in the merchant's zone. Queries live in `worker/store/`; migrations in `worker/migrations/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant on both databases. A naive one is refused: it would mean another moment on each machine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - theirs
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only for a column of exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")


def rank(currency: ColumnElement[Any], minor: ColumnElement[Any], *, down: bool) -> tuple[ColumnElement[Any], ...]:
    """What amounts are ordered by, upwards: by currency first (minor units of two say nothing about which is more), and
    in each the largest or the smallest first; what has no amount stands where less than nothing would, what has no
    currency behind all. In literals, not in parameters, so that an index can be of it."""
    least_first = func.coalesce(minor, literal_column("-1", BigInteger))
    return func.coalesce(currency, literal_column("'zzz'", Text)), -least_first if down else least_first


def _words(name: str, column: str, words: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("provider", Text, nullable=False),
    Column("account", Text, nullable=False, default=""),
    Column("event_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("live", Boolean),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False),  # webhook, import, backfill, report
    Column("transmission_id", Text),
    Column("body", LargeBinary),  # compressed, then encrypted; purged by retention, ids stay
    Column("body_sha256", Text, nullable=False),
    Column("abroad", Text),  # the payer's country, where nothing personal of its people is kept (PR-7)
    Column("seen", Integer, nullable=False, default=1),  # how often it was delivered
    Column("state", Text, nullable=False, default="new"),
    Column("note", Text),  # why passed over or failed, without personal data
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", UtcDateTime),
    Column("handled_at", UtcDateTime),
    UniqueConstraint("provider", "account", "event_id"),
    _words("state", "state", ("new", "done", "passed_over", "failed")),
)
Index(
    "ix_deliveries_unhandled",
    deliveries.c.id,
    postgresql_where=deliveries.c.state == "new",
    sqlite_where=deliveries.c.state == "new",
)
Index(
    "ix_deliveries_failed",
    deliveries.c.id,
    postgresql_where=deliveries.c.state == "failed",
    sqlite_where=deliveries.c.state == "failed",
)
Index("ix_deliveries_transmission", deliveries.c.provider, deliveries.c.transmission_id)

# What each delivery said of each object: append-only. `facts` holds the merge of an object's tellings.
tellings = Table(
    "tellings",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("provider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("delivery_id", RowId),
    Column("body", Json, nullable=False),
    UniqueConstraint("provider", "kind", "object_id", "digest", "source"),
)

facts = Table(
    "facts",
    metadata,
    Column("provider", Text, primary_key=True),
    Column(
        "kind", Text, primary_key=True
    ),  # charge, invoice, invoice_payment, failed_payment, refund, dispute, subscription, credit
    Column("object_id", Text, primary_key=True),
    Column("membership", Text),  # charges and subscriptions: the membership they were bound to
    Column("bound_by", Text),
    Column("fits", Json),  # a charge that fits several memberships: their references
    Column("subscription", Text),
    Column("customer", Text),
    Column("payer", Text),
    Column("named", Text),
    Column("email", Text),  # keyed hash
    Column("charge", Text),
    Column("invoice", Text),
    Column("intent", Text),
    Column("state", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("at", UtcDateTime),
    Column("told_at", UtcDateTime, nullable=False),
    Column("judged_as_of", Date),  # a charge that was judged as a stray (see store/due.py)
    Column("body", Json, nullable=False),
    # What the screen needs to know of a fact and of all that bears on it (see store/gists.py); null: it was not asked.
    Column("plain", Boolean),
    Column("period_from", UtcDateTime),  # of a plain charge: where the one period begins that it states
)
# Memberships, e-mail addresses and the merchant's own references belong to no provider.
for _name in ("subscription", "customer", "payer", "named", "email", "charge", "invoice", "intent"):
    Index(
        f"ix_facts_{_name}",
        *([] if _name in {"named", "email"} else [facts.c.provider]),
        facts.c[_name],
        postgresql_where=facts.c[_name].is_not(None),
        sqlite_where=facts.c[_name].is_not(None),
    )
# All that the screen reads of a membership's facts is in it: no row is fetched.
Index(
    "ix_facts_membership",
    *(facts.c[_name] for _name in ("membership", "kind", "at", "amount_minor", "currency", "plain", "period_from")),
    postgresql_where=facts.c.membership.is_not(None),
    sqlite_where=facts.c.membership.is_not(None),
)
# Strays, and charges that were judged as such and have found their membership since.
STRAY = (facts.c.kind == "charge") & (facts.c.membership.is_(None) | facts.c.judged_as_of.is_not(None))
Index("ix_facts_stray", facts.c.judged_as_of, facts.c.at, postgresql_where=STRAY, sqlite_where=STRAY)

memberships = Table(
    "memberships",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("roster", Json, nullable=False),  # the roster row without the member's personal fields
    Column("personal", LargeBinary),  # name, e-mail, country: encrypted
    Column("email", Text),  # keyed hash
    Column("imported_at", UtcDateTime, nullable=False),
    Column("judged_as_of", Date),
    Column("next_change", Date),  # the first date on which time alone can change the judgement
    Column("touched", Boolean, nullable=False, default=True),  # facts or roster changed since it was last judged
    Column("explained", Json),  # the charges that look wrong and are right, and why
    Index("ix_memberships_touched", "touched"),
    Index("ix_memberships_ref_begins", "ref", postgresql_ops={"ref": "text_pattern_ops"}),
    Index("ix_memberships_next_change", "next_change"),
    Index("ix_memberships_judged_as_of", "judged_as_of"),
)

membership_versions = Table(
    "membership_versions",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("roster", Json, nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
)

# By what a charge finds its membership: subscription, customer, payer, email, named.
identifiers = Table(
    "identifiers",
    metadata,
    Column("provider", Text, primary_key=True),  # '' for email and named
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("membership", Text, primary_key=True),
    Index("ix_identifiers_membership", "membership"),
)

findings = Table(
    "findings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("membership", Text),
    Column("charge", Text),  # provider:id
    Column("agreement", Text),  # provider:id
    Column("renewal", Date),
    Column("charged_minor", BigInteger),
    Column("expected_minor", BigInteger),
    Column("excess_minor", BigInteger),
    Column("currency", Text),
    Column("confidence", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("because", Json, nullable=False),
    Column("first_seen", Date, nullable=False),
    Column("published", Boolean, nullable=False, default=False),  # a night's report has shown it
    # What the case comes to: the amount of its remedy, else its excess (see store/judgements.py).
    Column("amount_minor", BigInteger),
    Column("amount_currency", Text),
    _words("status", "status", ("open", "settled", "waived", "cleared")),
    # They serve `=` as well as how a text begins (`store.sql.begins`).
    Index("ix_findings_membership", "membership", postgresql_ops={"membership": "text_pattern_ops"}),
    Index("ix_findings_charge", "charge", postgresql_ops={"charge": "text_pattern_ops"}),
    Index("ix_findings_status", "status", "kind"),
    Index("ix_findings_first_seen", "first_seen", "key"),
)
for _name, _down in (("largest", True), ("smallest", False)):
    _rank = rank(findings.c.amount_currency, findings.c.amount_minor, down=_down)
    # SQLite's indexes of expressions get lost where a table is copied, and its tables are small.
    Index(f"ix_findings_{_name}", *_rank, findings.c.key).ddl_if(dialect="postgresql")

remedies = Table(
    "remedies",
    metadata,
    Column("key", Text, primary_key=True),
    Column("finding", Text, nullable=False),
    Column("membership", Text),
    Column("charge", Text),
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("state", Text, nullable=False),
    Column("clause", Text),
    Column("policy_version", Text),
    Column("cited", Json, nullable=False),
    Column("held_because", Text),
    Column("arithmetic", Text, nullable=False, default=""),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("touched_by_person", Boolean, nullable=False, default=False),
    # Its state was read off the provider's facts alone: nothing was sent from here. False as soon as money is.
    Column("observed", Boolean, nullable=False, default=False),
    _words("state", "state", ("queued", "held", "submitted", "settled", "failed", "waived")),
    # All that a sum over remedies asks for.
    Index("ix_remedies_state", "state", "kind", "currency", "held_because", "amount_minor"),
    Index("ix_remedies_finding", "finding"),
    Index("ix_remedies_membership", "membership"),
)

audit = Table(
    "audit",
    metadata,
    Column("n", RowId, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Json, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    # By what one looks for an entry, the newest first.
    Index("ix_audit_subject", "subject", "n"),
    Index("ix_audit_actor", "actor", "n"),
    Index("ix_audit_action", "action", "n"),
)

# One row a night, whoever runs it. `attempt` is the fence: only the run that took the row last may write to it.
nights = Table(
    "nights",
    metadata,
    Column("night", Date, primary_key=True),
    Column("state", Text, nullable=False),  # running, done, superseded by a later one
    Column("phase", Text, nullable=False),  # the one that is next
    Column("as_of", Date, nullable=False),
    Column("since", Date, nullable=False),  # the first date that no earlier night has covered
    Column("attempt", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("notes", Json, nullable=False),  # what each phase leaves for later ones
    Column("complete", Boolean),
    Column("summary", Text),  # text, not JSON: its bytes stay as they are
    Column("audit_head", Text),
    _words("state", "state", ("running", "done", "superseded")),
)
# Findings that a night has shown: the first that did, and the first that no longer found it open.
shown = Table(
    "shown",
    metadata,
    Column("finding", Text, primary_key=True),
    Column("night", Date, nullable=False),
    Column("over_on", Date),
)
# Providers whose picture is incomplete: nothing that is judged meanwhile is certain.
gaps = Table(
    "gaps",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("since", Date, nullable=False),
    Column("said", Text, nullable=False),
)
# What is to be told, once a channel. `channel` is a digest of its address, which is a secret.
outbox = Table(
    "outbox",
    metadata,
    Column("key", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("urgent", Boolean, nullable=False),
    Column("message", Json, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("note", Text),
    _words("state", "state", ("waiting", "sent")),
    Index("ix_outbox_state", "state", "next_at"),
)

# How far each back-fill has come: a provider's list of one kind, over one window. `asked_at` is when it was begun,
# which is as far as it can reach; `covered_until` how far the provider says that its answers reach.
backfills = Table(
    "backfills",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("since", UtcDateTime, primary_key=True),
    Column("until", UtcDateTime, primary_key=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("cursor", Text),  # the next page's; none before the first and after the last
    Column("covered_until", UtcDateTime),
    Column("objects", Integer, nullable=False),
    Column("unreadable", Json, nullable=False),  # of the first few: why, without personal data
    _words("state", "state", ("running", "done")),
)
# What is counted by day: came by webhook, by poll, by report.
_BY_DAY = facts.c.kind.in_(("charge", "refund", "dispute"))
Index("ix_facts_by_day", facts.c.provider, facts.c.at, postgresql_where=_BY_DAY, sqlite_where=_BY_DAY)

# Keys that must outlive the rotation of the master keys (the one for e-mail look-up), wrapped under a master key.
wrapped_keys = Table(
    "wrapped_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# What was done so far, for the figures: see `worker/store/tallies.py`.
tallies = Table(
    "tallies",
    metadata,
    Column("name", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)
# How far a job has come that goes over everything once: see `worker/retention.py`.
marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

# --- Money out: see `worker/money/`. A remedy that was ever worked on has one row here, for ever.
sends = Table(
    "sends",
    metadata,
    Column("key", Text, primary_key=True),  # the remedy's
    Column("way", Text, nullable=False),  # refund, credit, book, cancel
    Column("provider", Text, nullable=False),
    Column("target", Text, nullable=False),  # the charge, or the subscription to cancel
    Column("step", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("amount_minor", BigInteger),  # frozen at the first call of a generation
    Column("currency", Text),
    Column("fence", Integer, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("next_at", UtcDateTime),
    Column("calls", Integer, nullable=False),  # of this generation that may have reached the provider
    Column("tries", Integer, nullable=False),  # in a row that came to nothing: what the waits grow by
    Column("key_first_sent", UtcDateTime),
    Column("last_sent", UtcDateTime),
    Column("uncertain", Boolean, nullable=False),  # a call of this generation may have been executed
    Column("absent_reads", Integer, nullable=False),
    Column("absent_at", UtcDateTime),
    Column("result", Text),  # the provider's id of what was made
    Column("past", Json, nullable=False),  # the same of earlier generations: they failed
    Column("note", Text),
    Column("reserved_on", Date),  # the day whose budget it has taken of
    Column("invoice", Text),  # of a credit: the invoice that billed wrongly, on which a credit note is made
    _words("step", "step", ("ready", "sending", "unknown", "pending", "settled", "failed", "parked")),
    _words("way", "way", ("refund", "credit", "book", "cancel")),
    Index("ix_sends_step", "step"),
    Index("ix_sends_target", "provider", "target"),
    Index("ix_sends_result", "provider", "result"),
)

# Append-only: every call before it is made, and every answer.
attempts = Table(
    "attempts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("note", Text),
    Index("ix_attempts_key", "key"),
)

# What a person agreed to: another amount, charge, kind or clause is another question.
approvals = Table(
    "approvals",
    metadata,
    Column("key", Text, primary_key=True),
    Column("approved_by", Text, nullable=False),
    Column("prepared_by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("charge", Text),
    Column("clause", Text),
    Column("held_because", Text),  # what it was held for: who lifts one guard has not lifted the others
    CheckConstraint("approved_by <> prepared_by", name="four_eyes"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("day", Date, primary_key=True),  # in the merchant's zone
    Column("currency", Text, primary_key=True),  # '' counts remedies of every currency
    Column("used", BigInteger, nullable=False),
    CheckConstraint("used >= 0", name="used"),
)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("stopped", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# What must reach people, each thing once.
alarms = Table(
    "alarms",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
    Index("ix_alarms_told_at", "told_at"),
)

# A run of the judge, for the breaker: what was decided in it is sent only once the whole of it was looked at.
runs = Table(
    "runs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("noted_at", UtcDateTime, nullable=False),
    Column("charges", Integer, nullable=False),  # how many it looked at
    Column("checked_at", UtcDateTime),
    Column("verdict", Text),  # why it was held; null for one that passed
)
run_decisions = Table(
    "run_decisions",
    metadata,
    Column("run", Text, primary_key=True),
    Column("remedy", Text, primary_key=True),
    Column("finding_kind", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Index("ix_run_decisions_remedy", "remedy"),
)

# --- Members: what they ask for, what they are told, and their rights. See `worker/claims`, `worker/privacy`.
claims = Table(
    "claims",
    metadata,
    Column("id", Text, primary_key=True),
    Column("membership", Text, nullable=False),
    Column("charge", Text),  # provider:id, once it is known
    Column("kind", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("digest", Text, nullable=False),  # keyed: by what a claim that comes again is the same
    Column("told", Json, nullable=False),  # the claim as the core knows it: no address, no free text
    Column("personal", LargeBinary),  # what the member wrote: sealed under the member's key
    Column("state", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("force", Text),
    Column("clause", Text),
    Column("policy_version", Text),
    Column("reason", Text, nullable=False),
    Column("asked_for", Json, nullable=False),
    Column("deadline", UtcDateTime),
    Column("cited", Json, nullable=False),
    Column("held_because", Text),
    Column("granted", Json),  # what of it weighs on the charge from then on
    Column("decided_at", UtcDateTime, nullable=False),
    _words("state", "state", ("queued", "held", "pending", "refused")),
    Index("ix_claims_membership", "membership"),
    Index("ix_claims_state", "state", "deadline"),
    Index("ix_claims_clause", "clause"),
)

# One row a member: the key of their personal fields (null once it is destroyed), and what they asked for.
members = Table(
    "members",
    metadata,
    Column("membership", Text, primary_key=True),
    Column("wrapped", LargeBinary),  # under a master key
    Column("statement", Text),  # the version of the privacy statement in force when the data was collected
    Column("country", Text),  # where it is not one the statement is meant for
    Column("restricted_at", UtcDateTime),
    Column("erased_at", UtcDateTime),
    Index("ix_members_country", "country"),
)

# What members are told: laid out for review, or sent; each once.
notices = Table(
    "notices",
    metadata,
    Column("key", Text, primary_key=True),  # kind:subject
    Column("kind", Text, nullable=False),
    Column("membership", Text, nullable=False),
    Column("subject", Text, nullable=False),  # the claim or remedy it is about
    Column("text", LargeBinary),  # subject line and text, sealed under the member's key
    Column("state", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("tries", Integer, nullable=False),
    Column("note", Text),  # why it was not sent, without personal data
    _words("state", "state", ("review", "waiting", "sent", "failed")),
    Index("ix_notices_state", "state"),
    Index("ix_notices_membership", "membership"),
)

# --- Programs at the API: see `worker/accounts`, `worker/web/api`. Of a token only a digest is kept; several may have
# one name, which is who acts: a new one is made before the old one is revoked.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("used_at", UtcDateTime),  # to the hour: a look is not a write
    Index("ix_tokens_name", "name"),
)

# What was answered to a write under an Idempotency-Key, so that it is answered again and not done again. `status` is
# null while it is under way, and its lease runs out where nobody lived to answer.
api_answers = Table(
    "api_answers",
    metadata,
    Column("holder", Text, primary_key=True),  # the token's name
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),  # keyed digest of method, address and body
    Column("at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("status", Integer),
    Column("headers", Json),
    Column("body", Text),  # never anything personal
    Index("ix_api_answers_at", "at"),
)

# --- Who signs in to the console. See `worker/accounts`.
users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),  # the name, folded: two spellings of one name are one person
    Column("name", Text, nullable=False),  # as it stands in the audit log
    Column("roles", Json, nullable=False),
    Column("password", Text, nullable=False),  # Argon2id, with its salt and costs
    Column("disabled", Boolean, nullable=False, default=False),
    Column("tries", Integer, nullable=False, default=0),  # in a row that did not sign in
    Column("locked_until", UtcDateTime),
    Column("made_at", UtcDateTime, nullable=False),
)
# Signed-in people. Only the hash of what the browser holds is kept: who reads this table is nobody by it.
sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_sessions_user_id", "user_id"),
)

# A run of the judge that several workers share, cut into slices of the memberships: each is taken by one at a time.
slices = Table(
    "slices",
    metadata,
    Column("run", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("after", Text, nullable=False),  # memberships behind this reference
    Column("last", Text),  # up to this one; null: to the end
    Column("as_of", Date, nullable=False),
    Column("everything", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("memberships", Integer, nullable=False, default=0),
    Column("findings", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    _words("state", "state", ("waiting", "done")),
)

# What a backtest came to, for people to read again: sums by clause, nobody's case, nothing personal.
backtests = Table(
    "backtests",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("bundle", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of its clauses, however the file is laid out
    Column("replaced", Text, nullable=False),  # the bundle in whose place it stood
    Column("against", Json, nullable=False),  # the versions of that, each with its digest
    Column("since", Date, nullable=False),  # the first charge that was decided again
    Column("as_of", Date, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", Text),
    Column("memberships", Integer, nullable=False),
    Column("otherwise", Integer, nullable=False),  # memberships of which something comes out otherwise
    Column("cases", Integer, nullable=False),  # cases that do
    Column("sums", Json, nullable=False),
    Index("ix_backtests_replaced", "replaced", "id"),
)

Row = dict[str, Any]
