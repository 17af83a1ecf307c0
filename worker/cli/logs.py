"""Logs of a command go to standard error: standard output carries the result only."""

from __future__ import annotations

import sys

import structlog


def to_standard_error() -> None:
    """Configure structlog unless somebody did."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
