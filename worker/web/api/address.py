"""Where the API is, and what may stand in its addresses: a reference or key may hold a slash, so its pattern only stops
before the words that are addresses of their own below it."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor

PREFIX = "/api/v1"


class _Name(Convertor[str]):
    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Membership(_Name):
    regex = r"(?:(?!/(?:notices|changes)$)[\s\S])+"


class _Remedy(_Name):
    regex = r"(?:(?!/(?:prepare|approve|waive|retry)$)[\s\S])+"


def register() -> None:
    """Have routes know `{ref:membership}`, `{key:remedy}` and `{…:name}`. Before they are made; harmless to repeat."""
    register_url_convertor("membership", _Membership())
    register_url_convertor("remedy", _Remedy())
    register_url_convertor("name", _Name())
