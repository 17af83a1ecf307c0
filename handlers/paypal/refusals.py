"""What PayPal's refusals mean. v2 says it in `details[].issue`, v1 in `name`; both tables are PayPal's own."""

from __future__ import annotations

from handlers.gateway import Answer, NoCredential, NotExecuted, Refusal, Refused, Uncertain
from handlers.paypal.api import LostError, NotSentError, PayPalApi, RejectedError, Reply, WrongCredentialError

DAY_S = 24 * 3600.0

Failure = NotExecuted | Uncertain | NoCredential | Refused
ApiError = NotSentError | LostError | WrongCredentialError | RejectedError
API_ERRORS = (NotSentError, LostError, WrongCredentialError, RejectedError)

_REFUSALS: dict[str, Refusal] = {
    code: refusal
    for refusal, codes in {
        # The invoice ids that we send are a remedy's mark: one that was used before is a refund of ours.
        Refusal.ALREADY_REFUNDED: (
            "CAPTURE_FULLY_REFUNDED TRANSACTION_ALREADY_REFUNDED DUPLICATE_INVOICE_ID DUPLICATE_TRANSACTION"
        ),
        Refusal.EXCEEDS_CHARGE: (
            "REFUND_AMOUNT_EXCEEDED REFUND_EXCEEDED_TRANSACTION_AMOUNT FULL_REFUND_NOT_ALLOWED_AFTER_PARTIAL_REFUND"
        ),
        Refusal.DISPUTED: "TRANSACTION_DISPUTED REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK",
        Refusal.TOO_OLD: "REFUND_TIME_LIMIT_EXCEEDED",
        Refusal.NO_FUNDS: "REFUND_FAILED_INSUFFICIENT_FUNDS INSUFFICIENT_FUNDS",
        Refusal.NOT_THIS_WAY: (
            "REFUND_NOT_ALLOWED PARTIAL_REFUND_NOT_ALLOWED MAX_NUMBER_OF_REFUNDS_EXCEEDED REFUND_IS_RESTRICTED "
            "PAYEE_ACCOUNT_LOCKED_OR_CLOSED PAYER_ACCOUNT_LOCKED_OR_CLOSED PAYEE_ACCOUNT_RESTRICTED "
            "PAYER_ACCOUNT_RESTRICTED REFUND_CAPTURE_CURRENCY_MISMATCH CURRENCY_MISMATCH REFUND_AMOUNT_TOO_LOW "
            "DECIMAL_PRECISION DECIMALS_NOT_SUPPORTED CANNOT_BE_ZERO_OR_NEGATIVE CANNOT_BE_NEGATIVE "
            "INVALID_CURRENCY_CODE COMPLIANCE_VIOLATION PLATFORM_FEE_EXCEEDED PLATFORM_FEE_NOT_ENABLED "
            "REQUESTED_OPERATION_REFUSED_DUE_TO_SELLER_OPT_OUT USER_ACCOUNT_CLOSED"
        ),
        Refusal.NOT_FOUND: "INVALID_RESOURCE_ID RESOURCE_NOT_FOUND",
        Refusal.KEY_REUSED: "DUPLICATE_REQUEST_ID PAYPAL_REQUEST_ID_PREVIOUSLY_USED PAYMENT_REQUEST_ID_INVALID",
    }.items()
    for code in codes.split()
}

_NO_CREDENTIAL = frozenset(
    {"PERMISSION_DENIED", "NOT_AUTHORIZED", "REQUIRED_SCOPE_MISSING", "AUTHENTICATION_FAILURE", "ERROR_AUTH"}
)
# An earlier request is still under way, or PayPal itself broke: whatever the status, the end is not known.
_OPEN_END = frozenset(
    {"PREVIOUS_REQUEST_IN_PROGRESS", "RESOURCE_CONFLICT", "INTERNAL_SERVICE_ERROR", "INTERNAL_SERVER_ERROR"}
)
_NOT_YET = frozenset({"PENDING_CAPTURE"})  # an eCheck that is still under way can be refunded once it is here

# The one v1 name that stands for many reasons, told apart by PayPal's sentences.
_REFUSED = "TRANSACTION_REFUSED"
_SENTENCES = (
    ("complaint case", Refusal.DISPUTED),
    ("chargeback", Refusal.DISPUTED),
    ("dispute", Refusal.DISPUTED),
    ("time limit", Refusal.TOO_OLD),
    ("fully refunded", Refusal.ALREADY_REFUNDED),
    ("remaining amount", Refusal.EXCEEDS_CHARGE),
    ("original transaction amount", Refusal.EXCEEDS_CHARGE),
    ("insufficient funds", Refusal.NO_FUNDS),
)


def failure(error: ApiError) -> Failure:
    """The one meaning that a failed call has for money."""
    if isinstance(error, NotSentError):
        return NotExecuted(error.why, error.retry_after_s)
    if isinstance(error, LostError):
        return Uncertain(error.why)
    if isinstance(error, WrongCredentialError):
        return NoCredential(str(error))
    return _rejection(error)


def is_missing(answer: Answer) -> bool:
    """Whether PayPal says that there is no such object."""
    return isinstance(answer, Refused) and answer.refusal is Refusal.NOT_FOUND


def found(api: PayPalApi, path: str) -> Reply | None:
    """PayPal's answer, or None where it knows no such object. Its other errors go through."""
    try:
        reply: Reply = api.get(path)
    except API_ERRORS as error:
        if is_missing(failure(error)):
            return None
        raise
    return reply


def _rejection(error: RejectedError) -> Failure:
    codes, status = frozenset(error.codes), error.status
    said = error.codes[0] if error.codes else f"http_{status}"
    if status == 429:
        return NotExecuted(said, error.retry_after_s)
    if status >= 500 or status < 400 or status in {408, 409} or codes & _OPEN_END:
        return Uncertain(said, error.retry_after_s)
    if codes & _NOT_YET:
        return NotExecuted(said, DAY_S)
    return _refusal(error) or _no_right(error, said) or Refused(_unnamed(status), said, error.message)


def _refusal(error: RejectedError) -> Refused | None:
    known = next((code for code in error.codes if code in _REFUSALS), None)
    if known:
        return Refused(_REFUSALS[known], known, error.message)
    return Refused(_by_sentence(error), _REFUSED, error.message) if _REFUSED in error.codes else None


def _no_right(error: RejectedError, said: str) -> NoCredential | None:
    if error.status in {401, 403} or frozenset(error.codes) & _NO_CREDENTIAL:
        return NoCredential(f"{said} at {error.path}")
    return None


def _unnamed(status: int) -> Refusal:
    return Refusal.NOT_FOUND if status == 404 else Refusal.UNKNOWN


def _by_sentence(error: RejectedError) -> Refusal:
    told = " ".join((*error.codes, error.message)).lower()
    return next((refusal for words, refusal in _SENTENCES if words in told), Refusal.NOT_THIS_WAY)
