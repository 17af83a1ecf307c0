"""The report's words: what each kind, state and reason is called by people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

PROVIDERS = {"stripe": "Stripe", "paypal": "PayPal"}

KINDS = {
    "duplicate_charge": ("Charged twice", "A renewal that was paid already was charged again."),
    "overcharge": ("Charged too much", "More was taken than the renewal costs."),
    "post_cancellation_charge": ("Charged after the end", "Taken for time after a cancellation had taken effect."),
    "unscheduled_charge": ("Charged without reason", "Nothing was due: a pause, a paid year, or nobody agreed to it."),
    "wrong_currency": (
        "Wrong currency",
        "Taken in another currency than the plan's. No sum is compared across currencies.",
    ),
    "unrecognised_charge": ("Unknown payer", "Belongs to no membership on the roster, or to several."),
    "undercharge": ("Charged too little", "Less was taken than the renewal costs. It is reported, never charged."),
    "missed_renewal": (
        "Renewal never taken",
        "Due long enough ago, and no charge paid it. It is never charged by makegood.",
    ),
    "live_after_cancellation": ("Agreement still live", "The membership ended, but the provider could still charge."),
    "unwritten_notice": ("Notice by telephone", "A call does not end a membership: somebody should follow up."),
    "corrected_elsewhere": ("Already put right", "A billing error whose money went back by other hands."),
    "refund_overdue": ("Refund overdue", "Sent, and not settled in time."),
    "refund_failed": ("Refund failed", "The provider could not pay it out."),
    "over_refunded": ("Refunded too much", "More went back than was wrongly taken."),
    "ineligible_resubscription": ("Came back after a refund", "The policy does not allow another subscription."),
    "missed_webhook": ("Webhook missed", "The provider knows of something that no webhook told."),
}

REASONS = {
    "likely": ("Likely, not certain", "Look at the evidence: is it an error?"),
    "approval": (
        "Needs approval",
        "The clause allows this and does not demand it, or an agreement would end. Approve or waive.",
    ),
    "disputed": ("Disputed at the provider", "Nothing is paid while a dispute on the charge is open."),
    "above_cap": ("Above the cap for one remedy", "The amount is larger than makegood may send by itself."),
    "four_eyes": (
        "Needs a second pair of eyes",
        "The amount is large: somebody approves it who is not who prepared it.",
    ),
    "no_clause": (
        "No clause decides",
        "The membership's policies hold no clause for this. The sum is a recommendation.",
    ),
    "clauses_disagree": ("Two clauses disagree", "The policies pull apart here: both are cited, a person decides."),
    "other_currency": ("Another currency", "What is owed cannot be computed across currencies."),
    "unrecognised": ("Nobody's charge", "Find out whose it is, or give it back."),
    "untold_refund": (
        "Part went back already",
        "PayPal says that part of this payment was refunded, and no webhook or report has told how much: look there.",
    ),
    "stale_roster": ("The roster is old", "Import a newer roster: the membership may have changed since."),
    "restricted": ("The member asked for a stop", "Their data may not be used further: settle it by hand."),
    "breaker": ("The breaker is open", "Unusually many charges were flagged: look for a common cause first."),
    "changed": (
        "Judged differently now",
        "Somebody decided, or money was sent, on an earlier judgement: look at what is owed now.",
    ),
    "refused": (
        "Refused by the provider",
        "It could not be carried out as it stands: look at the provider's side first.",
    ),
    "mismatch": ("Other than asked", "What the provider made is not what was asked for: look at it there."),
    "no_answer": (
        "No answer",
        "It is not known whether the provider carried it out: look there before anything is sent.",
    ),
}

STATES = {
    "queued": "ready to go out",
    "held": "waits for a person",
    "submitted": "sent, not settled yet",
    "settled": "settled",
    "failed": "failed",
    "waived": "waived",
}

REMEDIES = {
    "refund": "Refund",
    "credit": "Credit",
    "replace": "Replacement",
    "cancel_agreement": "Cancel the agreement",
    "none": "Nothing left to pay",
    "review": "A person decides",
}

LOOK_ALIKES = {
    "late_payment": "Paid late, after failed attempts",
    "outstanding_balance": "Two renewals at once: an outstanding balance",
    "first_charge_with_setup": "First charge, with the set-up fee",
    "agreed_charge": "A one-off that the member agreed to",
    "stated_tax": "Tax that the provider states",
    "resent_webhook": "The same charge, told twice",
    "receipt_only": "A receipt without a charge",
    "authorisation_only": "An authorisation: nothing was taken",
    "overlap_on_switch": "Two agreements while moving from one to the other",
    "customer_balance": "The customer's balance paid the rest",
}


def kind(word: str) -> str:
    return KINDS.get(word, (_plain(word), ""))[0]


def about(word: str) -> str:
    return KINDS.get(word, ("", ""))[1]


def reason(word: str | None) -> tuple[str, str]:
    # A provider's refusal carries its code behind the word.
    return REASONS.get((word or "").partition(" ")[0], (_plain(word or "held"), ""))


def provider(word: str) -> str:
    return PROVIDERS.get(word, word)


def state(word: str) -> str:
    return STATES.get(word, _plain(word))


def remedy(word: str) -> str:
    return REMEDIES.get(word, _plain(word))


def look_alike(word: str) -> str:
    return LOOK_ALIKES.get(word, _plain(word))


def day(value: date | None) -> str:
    return f"{value.day} {value:%B %Y}" if value else ""


def _plain(word: str) -> str:
    return word.replace("_", " ").capitalize()


# What a template may say.
FILTERS: Mapping[str, Callable[..., Any]] = {
    "day": day,
    "kind": kind,
    "about": about,
    "reason": reason,
    "state": state,
    "remedy": remedy,
    "look_alike": look_alike,
}
