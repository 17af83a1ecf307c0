"""One stream of log lines on standard error: JSON, or for people when it is a terminal. Ours, uvicorn's, dramatiq's and
Alembic's go the same way.

Keys come from a list: another one shows as `[redacted]`, so a personal field cannot slip in under a new name. What
looks like an e-mail address, a card number or a secret is taken out of every text.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_WORDS = """
    event level logger timestamp exception error status why where field reason setting expected name count n new
    provider event_id event_type source delivery outcome seen membership charge finding remedy claim key kind state
    clause held_because judged changed attempt attempts amount_minor currency generation refusal code
    night as_of since until day file line rows path host port url actor queue message_id correlation_id duration_ms
    duration_s revision version fault what subject page deliveries word way
"""
KEYS = frozenset(_WORDS.split())
REDACTED = "[redacted]"
_MIGRATIONS = "alembic.runtime.migration"

_EMAIL = re.compile(r"[^\s@\"'<>(),;:]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_SECRET = re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_\w+|\bwhsec_\w+|\bBearer\s+\S+|\bBasic\s+\S+", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+(?=@)")
_DIGITS = re.compile(r"(?<![\w.])(?:[0-9][ -]?){12,18}[0-9](?![\w.])")


def scrub(text: str) -> str:
    """`text` without e-mail addresses, card numbers and secrets."""
    text = _SECRET.sub(REDACTED, _PASSWORD_IN_URL.sub(rf"\1:{REDACTED}", text))
    return _DIGITS.sub(_card, _EMAIL.sub(REDACTED, text))


def _card(found: re.Match[str]) -> str:
    return REDACTED if luhn(re.sub("[ -]", "", found[0])) else found[0]


_AS_IT_IS = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))  # and the two digits added


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others, as on a payment card."""
    turned = (b"%d" % int(digits))[::-1]  # digits of any script; zeros at the beginning add nothing
    return (sum(turned[::2].translate(_AS_IT_IS)) + sum(turned[1::2].translate(_DOUBLED))) % 10 == 0


def _redact(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    return {key: _clean(value) if key in KEYS else REDACTED for key, value in line.items() if not key.startswith("_")}


def _clean(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return scrub(value if isinstance(value, str) else str(value))


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every logger of this process to `stream` (standard error unless given). Call once, at the start."""
    out = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[_redact, _renderer(out)],
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _quieten()


def tell_migrations() -> None:
    """Have each step of a migration logged, where that is what a command is for; else a command that begins on a new
    database would say so before its own one line."""
    logging.getLogger(_MIGRATIONS).setLevel(logging.INFO)


def _renderer(out: TextIO) -> Processor:
    if out.isatty():
        return structlog.dev.ConsoleRenderer()
    # Escaped throughout: a line break in a value cannot begin a line of its own.
    return structlog.processors.JSONRenderer(ensure_ascii=True, sort_keys=True)


def _quieten() -> None:
    """Let the libraries' loggers speak through ours, and keep silent those that would write headers and bodies."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "dramatiq", "alembic", "sqlalchemy"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in ("stripe", "paypalrestsdk", "urllib3", "requests", "httpx", "alembic", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_MIGRATIONS).setLevel(logging.NOTSET)  # as the loggers above it, until `tell_migrations`
    for name in ("uvicorn.access", "paypalrestsdk.api"):
        logging.getLogger(name).disabled = True
