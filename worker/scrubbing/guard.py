"""Whether a body may hold what is never kept. Asked of every body that comes in: most hold nothing of it, and taking
apart each of their texts would cost more than all else that is done with a webhook.

It may say yes where there is nothing, never no where there is something. Therefore it is wider than `texts` and
`bodies` in each point: what may not stand before or after a number is asked for only where the look is at the very
text; a digit, space or dash of any script, written as it is or as an escape, counts as one. RE2 passes over a body
once for a whole pattern, in time that no body can make more than proportional to its length."""

from __future__ import annotations

import json
import re
from typing import Any

import re2

from config.logging import luhn
from worker.scrubbing.texts import DASHES, INVISIBLE, WORDS, holds_card, iban_at

# The words of a name whose value is never kept.
KEY_WORDS = (
    r"(?:(?:ssn|social[_ -]security|ein|tax[_ -]id|itin|iban)(?:[_ -](?:number|no))?"
    r"|(?:account|routing)[_ -]number|cvc|cvv)"
)

# How a digit that is not ASCII, and what may stand between digits and is not ASCII, is seen.
_DIGIT, _SEPARATOR = "\x80", "\x81"
_D, _SPACE = r"[0-9\x80]", r"\t-\r\x1c-\x20\x81"
_BETWEEN = rf"[{_SPACE}\-./,|_]"
_BEFORE, _AFTER = r"(?:^|[^0-9A-Za-z_.+])", r"(?:[^0-9A-Za-z_]|$)"
_NEXT = r'"\s*,\s*(?:"[^"]*"\s*:\s*)?"'
_TELLING = (
    rf"(?i:\b{WORDS})[{_SPACE}:#.='\\\-]{{0,6}}(?i:is )?(?i:no\.? )?{_D}(?:[ -]?{_D}){{5}}",
    rf'["_ -](?i:{KEY_WORDS})\n?"\s*:\s*(?:"[^"]*{_D}|[0-9\[])',
    rf"{_BEFORE}{_D}{{3}}[{_SPACE}.\-]{_D}{{2}}[{_SPACE}.\-]{_D}{{4}}{_AFTER}",
    rf"{_BEFORE}{_D}{{2}}[\-\x81]{_D}{{7}}{_AFTER}",
    rf'"[3-6]{_D}{{3}}{_NEXT}{_D}{{4}}{_NEXT}{_D}{{4}}{_NEXT}{_D}{{4}}"',
    rf'"3[47]{_D}{{2}}{_NEXT}{_D}{{6}}{_NEXT}{_D}{{5}}"',
    rf'"[3-6]{_D}{{7}}{_NEXT}{_D}{{8}}"',
)
# Ids often look like these, so a closer look follows: as many digits as a card has at least, and how an IBAN begins.
_TO_CHECK = (
    rf"{_D}(?:{_BETWEEN}{{0,4}}{_D}){{12,}}",
    rf"(?:\b|_)[A-Z]{{2}}{_D}{{2}}(?:[ -]?[A-Z0-9]{{4}}){{2}}",
)


def _compiled(patterns: tuple[str, ...]) -> Any:  # noqa: ANN401 - RE2 ships no types
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    return re2.compile("|".join(patterns).encode("latin-1"), options)


_TELLS, _WORTH_A_LOOK = _compiled(_TELLING), _compiled((*_TELLING, *_TO_CHECK))

_ESCAPE = re.compile(r'\\(?:(?:u[0-9a-fA-F]{4})(?:\\u[0-9a-fA-F]{4})*|["\\/bfnrt])?')
_ASCII = bytes(range(128))
_DIGITS = frozenset(b"0123456789\x80")
_IBAN_BEGINS = re.compile(rb"_?[A-Z]{2}(?=[0-9\x80])")  # a word has at least three letters
_SEPARATES = re.compile(rf"[\s{DASHES}{INVISIBLE}]")
# They count as an s and two i where case does not.
_FOLDED = frozenset("\u017f\u0130\u0131")


def may_hold(body: bytes, text: str) -> bool:
    """Whether `body`, which is JSON and says `text`, may hold any number that is never kept."""
    seen = body
    if "\\" in text or not text.isascii():
        try:
            text = _ESCAPE.sub(_unescaped, text)
        except ValueError:
            return True  # no JSON
        marked = _marked(text)
        if marked is None:
            return True
        seen = marked
    return _found(seen, text)


def _unescaped(found: re.Match[str]) -> str:
    # A quote within a text must not look like one that ends it.
    return str(json.loads(f'"{found[0]}"')).replace('"', "'")


def _marked(text: str) -> bytes | None:
    """A byte for each character: whatever is a digit or may stand between digits is one to the patterns too. None where
    a letter stands for another."""
    others = set(text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass"))
    if others & _FOLDED:
        return None
    for char in others:
        if char.isdigit():
            text = text.replace(char, _DIGIT)
        elif _SEPARATES.match(char):
            text = text.replace(char, _SEPARATOR)
    return text.encode("latin-1", "replace")


def _found(seen: bytes, text: str) -> bool:
    """Whether one of the patterns fits, and where that is not enough, whether it is what it looks like in `text`."""
    at = 0
    while (found := _WORTH_A_LOOK.search(seen, at)) is not None:
        first, last = found.span()
        if seen[first] in _DIGITS:
            if _number_in(seen, text, first, last):
                return True
            at = last
        elif like_an_iban := _IBAN_BEGINS.match(seen, first):
            if iban_at(text, like_an_iban.end() - 2):
                return True
            at = like_an_iban.end()  # a card number may begin in what is no IBAN
        else:
            return True
    return False


def _number_in(seen: bytes, text: str, first: int, last: int) -> bool:
    """Whether one is in these digits, with what stands between them: they reach as far as there are any."""
    digits = seen[first:last]
    if digits.isdigit():  # one number, an id as nearly always
        return len(set(digits)) > 1 and luhn(text[first:last]) and holds_card(text, first, last + 1)
    return holds_card(text, first, last + 1) or _TELLS.search(seen, max(first - 1, 0), last + 1) is not None
