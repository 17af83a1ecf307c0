"""Passwords: kept as Argon2id, each with a salt of its own, and checked at the same cost whoever is asked for."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LENGTH_MIN, LENGTH_MAX = 12, 200
# What OWASP asks for at least. Stored with each password, so that a dearer one later leaves the older ones readable.
_ITERATIONS, _LANES, _KIBIBYTES = 2, 1, 19 * 1024
# Two at once, so that a crowd at the door leaves memory and threads for those who are inside.
_TURNS = threading.BoundedSemaphore(2)
_PATIENCE_S = 5.0


class BadPasswordError(ValueError):
    """One line for a person: why it will not do."""


class CrowdedError(Exception):
    """Too many try at once."""


def kept(password: str) -> str:
    """What is stored of a new password. Raises BadPasswordError."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise BadPasswordError(f"password: {LENGTH_MIN} to {LENGTH_MAX} characters are expected")
    if len(set(password)) < 5:
        raise BadPasswordError("password: at least 5 different characters are expected")
    with _turn():
        kdf = Argon2id(
            salt=secrets.token_bytes(16), length=32, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_KIBIBYTES
        )
        return kdf.derive_phc_encoded(password.encode())


def fits(password: str, stored: str | None) -> bool:
    """Whether this is the password. Of nobody (None) it is not, which takes as long to say. Raises CrowdedError."""
    with _turn():
        try:
            Argon2id.verify_phc_encoded(password[: LENGTH_MAX + 1].encode(), stored or _nobodys())
        except InvalidKey:
            return False
    return stored is not None


@cache
def _nobodys() -> str:
    kdf = Argon2id(salt=bytes(16), length=32, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_KIBIBYTES)
    return kdf.derive_phc_encoded(secrets.token_bytes(16))


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURNS.acquire(timeout=_PATIENCE_S):
        raise CrowdedError
    try:
        yield
    finally:
        _TURNS.release()
