"""PayPal's words for a no, the sentences as its descriptions have them. API v1 says it in `name`, v2 in
`details[].issue`."""

from __future__ import annotations

from worker.sandbox.bank.faults import Fault
from worker.sandbox.bank.wire import Answered, said

DEBUG_ID = "90957fca61718"

# By rule: v1's name, v2's issue, and the sentence.
_RULES = {
    "already_refunded": (
        "TRANSACTION_ALREADY_REFUNDED", "CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded",
    ),
    "too_much": (
        "REFUND_EXCEEDED_TRANSACTION_AMOUNT", "REFUND_AMOUNT_EXCEEDED",
        "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
    ),
    "disputed": (
        "TRANSACTION_DISPUTED", "TRANSACTION_DISPUTED",
        ("Partial refunds cannot be offered at this time because there is an open case on this transaction. Visit the "
        "PayPal Resolution Center to review this case."),
    ),
    "charged_back": (
        "TRANSACTION_DISPUTED", "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK",
        ("Refunds are not allowed on this capture due to a chargeback on the card or bank. Please contact the payee to "
        "resolve the chargeback."),
    ),
    "too_old": (
        "REFUND_TIME_LIMIT_EXCEEDED", "REFUND_TIME_LIMIT_EXCEEDED",
        "You are over the time limit to perform a refund on this capture",
    ),
    "not_captured": ("TRANSACTION_REFUSED", "REFUND_NOT_ALLOWED", "Capture cannot be refunded."),
    "currency": (
        "CURRENCY_MISMATCH", "REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the same currency as the capture",
    ),
    "no_funds": (
        "INSUFFICIENT_FUNDS", "REFUND_FAILED_INSUFFICIENT_FUNDS",
        ("Capture could not be refunded due to insufficient funds. Please check to see if you have sufficient funds in "
        "your PayPal account or if the bank account linked to your PayPal account is verified and has sufficient "
            "funds."),
    ),
    "duplicate_invoice": (
        "DUPLICATE_TRANSACTION", "DUPLICATE_INVOICE_ID", "Invoice ID was previously used to refund a capture.",
    ),
    "decimals": ("VALIDATION_ERROR", "DECIMALS_NOT_SUPPORTED", "Currency does not support decimals."),
    "precision": ("VALIDATION_ERROR", "DECIMAL_PRECISION", "If the currency supports decimals, two places at most."),
    "not_positive": ("VALIDATION_ERROR", "CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero."),
    "malformed": ("VALIDATION_ERROR", "INVALID_PARAMETER_SYNTAX", "The value of a field does not conform."),
}  # fmt: skip

# By fault: status, v1's name, v2's name and issue, and v2's sentence about the issue.
_FAULTS = {
    Fault.RATE_LIMITED: (
        429, "RATE_LIMIT_REACHED", "RATE_LIMIT_REACHED", "RATE_LIMIT_REACHED", "Too many requests.",
    ),
    Fault.BUSY: (
        409, "RESOURCE_CONFLICT", "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS",
        ("A previous request on this resource is currently in progress. Please wait for sometime and try again. It is "
        "best to space out the initial and the subsequent request(s) to avoid receiving this error."),
    ),
    Fault.BROKEN_BEFORE: (
        500, "INTERNAL_SERVICE_ERROR", "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", "An internal error.",
    ),
    Fault.BROKEN_AFTER: (
        500, "INTERNAL_SERVICE_ERROR", "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", "An internal error.",
    ),
    Fault.UNAVAILABLE: (
        503, "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "Service Unavailable.",
    ),
    Fault.UNAUTHORISED: (
        401, "AUTHENTICATION_FAILURE", "AUTHENTICATION_FAILURE", "INVALID_ACCOUNT_STATUS",
        "Account validations failed for the user.",
    ),
    Fault.FORBIDDEN: (
        403, "PERMISSION_DENIED", "NOT_AUTHORIZED", "PERMISSION_DENIED",
        "You do not have permission to access or perform operations on this resource.",
    ),
}  # fmt: skip
_MESSAGES = {
    400: "Request is not well-formed, syntactically incorrect, or violates schema.",
    401: "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    403: "Authorization failed due to insufficient permissions.",
    404: "The specified resource does not exist.",
    409: "The server has detected a conflict while processing this request.",
    422: "The requested action could not be performed, semantically incorrect, or failed business validation.",
    500: "An internal server error occurred.",
    503: "Service Unavailable.",
}


def v1_error(status: int, name: str, message: str, **headers: str) -> Answered:
    return said(status, {"name": name, "message": message, "debug_id": DEBUG_ID, "details": []}, **headers)


def v2_error(status: int, name: str, issue: str, description: str, **headers: str) -> Answered:
    details = [{"issue": issue, "description": description}]
    message = _MESSAGES.get(status, description)
    return said(status, {"name": name, "message": message, "debug_id": DEBUG_ID, "details": details}, **headers)


def broken_rule(rule: str, *, v2: bool) -> Answered:
    name, issue, sentence = _RULES[rule]
    if not v2:
        return v1_error(400, name, sentence)
    if rule == "malformed":
        return v2_error(400, "INVALID_REQUEST", issue, sentence)
    return v2_error(422, "UNPROCESSABLE_ENTITY", issue, sentence)


def fault_words(fault: Fault, *, v2: bool, **headers: str) -> Answered:
    if fault is Fault.NO_FUNDS:
        return broken_rule("no_funds", v2=v2)
    status, name_v1, name_v2, issue, sentence = _FAULTS[fault]
    if v2:
        return v2_error(status, name_v2, issue, sentence, **headers)
    return v1_error(status, name_v1, _MESSAGES.get(status, sentence), **headers)


def missing(*, v2: bool = False) -> Answered:
    if v2:
        sentence = "Specified resource ID does not exist. Please check the resource ID and try again."
        return v2_error(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", sentence)
    return v1_error(404, "INVALID_RESOURCE_ID", "Requested resource ID was not found.")
