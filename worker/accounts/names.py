"""Names of people: however one is written, it is one pair of eyes."""

from __future__ import annotations

import unicodedata

NAME_MAX = 100


def user_id(name: str) -> str:
    """The same for two spellings of one name: four-eyes goes by it."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
