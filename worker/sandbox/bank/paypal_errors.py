"""PayPal's words for a no: API v1 says it in `name`, v2 in `details[].issue`."""

from __future__ import annotations

from worker.sandbox.bank.faults import Fault
from worker.sandbox.bank.wire import Answered, said

DEBUG_ID = "90957fca61718"

# By rule: v1's status and name, v2's issue, and the sentence.
_RULES = {
    "already_refunded": (400, "TRANSACTION_ALREADY_REFUNDED", "CAPTURE_FULLY_REFUNDED", "Already fully refunded."),
    "too_much": (
        400, "REFUND_EXCEEDED_TRANSACTION_AMOUNT", "REFUND_AMOUNT_EXCEEDED",
        "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
    ),
    "disputed": (400, "TRANSACTION_DISPUTED", "TRANSACTION_DISPUTED", "Partial refunds cannot be offered."),
    "too_old": (
        400, "REFUND_TIME_LIMIT_EXCEEDED", "REFUND_TIME_LIMIT_EXCEEDED",
        "You are over the time limit to perform a refund on this transaction.",
    ),
    "not_captured": (400, "TRANSACTION_REFUSED", "REFUND_NOT_ALLOWED", "The request was refused."),
    "currency": (400, "CURRENCY_MISMATCH", "REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund in the currency of the charge."),
    "no_funds": (400, "INSUFFICIENT_FUNDS", "REFUND_FAILED_INSUFFICIENT_FUNDS", "The balance does not cover it."),
    "duplicate_invoice": (400, "DUPLICATE_TRANSACTION", "DUPLICATE_INVOICE_ID", "Invoice ids are used once."),
    "decimals": (400, "VALIDATION_ERROR", "DECIMALS_NOT_SUPPORTED", "This currency takes no decimals."),
    "precision": (400, "VALIDATION_ERROR", "DECIMAL_PRECISION", "Too many decimal places."),
    "malformed": (400, "VALIDATION_ERROR", "INVALID_PARAMETER_SYNTAX", "Invalid request - see details."),
    "not_positive": (400, "VALIDATION_ERROR", "CANNOT_BE_ZERO_OR_NEGATIVE", "The amount must be above zero."),
}  # fmt: skip

# By fault: status, v1's and v2's name, v2's issue.
_FAULTS = {
    Fault.RATE_LIMITED: (429, "RATE_LIMIT_REACHED", "RATE_LIMIT_REACHED", "RATE_LIMIT_REACHED"),
    Fault.BUSY: (409, "RESOURCE_CONFLICT", "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS"),
    Fault.BROKEN_BEFORE: (500, "INTERNAL_SERVICE_ERROR", "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR"),
    Fault.BROKEN_AFTER: (500, "INTERNAL_SERVICE_ERROR", "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR"),
    Fault.UNAVAILABLE: (503, "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"),
    Fault.UNAUTHORISED: (401, "AUTHENTICATION_FAILURE", "INVALID_TOKEN", "INVALID_TOKEN"),
    Fault.FORBIDDEN: (403, "PERMISSION_DENIED", "NOT_AUTHORIZED", "PERMISSION_DENIED"),
}
_MESSAGES = {
    403: "Authorization failed due to insufficient permissions.",
    409: "The server has detected a conflict while processing this request.",
    422: "The requested action could not be performed, semantically incorrect, or failed business validation.",
    500: "An internal server error occurred.",
    503: "Service Unavailable.",
}


def v1_error(status: int, name: str, message: str, **headers: str) -> Answered:
    return said(status, {"name": name, "message": message, "debug_id": DEBUG_ID, "details": []}, **headers)


def v2_error(status: int, name: str, issue: str, message: str, **headers: str) -> Answered:
    details = [{"issue": issue, "description": message}]
    told = {"name": name, "message": _MESSAGES.get(status, message), "debug_id": DEBUG_ID, "details": details}
    return said(status, told, **headers)


def broken_rule(rule: str, *, v2: bool) -> Answered:
    status, name, issue, message = _RULES[rule]
    if v2 and name == "VALIDATION_ERROR" and issue == "INVALID_PARAMETER_SYNTAX":
        return v2_error(400, "INVALID_REQUEST", issue, message)
    return v2_error(422, "UNPROCESSABLE_ENTITY", issue, message) if v2 else v1_error(status, name, message)


def fault_words(fault: Fault, *, v2: bool, **headers: str) -> Answered:
    if fault is Fault.NO_FUNDS:
        return broken_rule("no_funds", v2=v2)
    status, name_v1, name_v2, issue = _FAULTS[fault]
    message = _MESSAGES.get(status, "Not now.")
    if v2:
        return v2_error(status, name_v2, issue, message, **headers)
    return v1_error(status, name_v1, message, **headers)


def missing(*, v2: bool = False) -> Answered:
    message = "The specified resource does not exist."
    if v2:
        return v2_error(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", message)
    return v1_error(404, "INVALID_RESOURCE_ID", "Requested resource ID was not found.")
