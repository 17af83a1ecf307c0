"""JSON bodies in which numbers that are never kept hide, or nearly: in any script, kept apart by anything, escaped,
under names, in lists and pieces. One seed, one body."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from config.logging import luhn

_APART = (
    *(
        "",
        "",
        "",
        " ",
        "-",
        ".",
        "/",
        ",",
        "|",
        "_",
        "\u00a0",
        "\u2011",
        "\u2013",
        "\u2212",
        "\u00ad",
        "\u200b",
        "\u2060",
    ),
    *(
        "\ufeff",
        "\n",
        "\t",
        "\r\n",
        "\x0b",
        "\x1c",
        "\x85",
        "\u3000",
        "\u2028",
        "  ",
        " - ",
        "    ",
        "     ",
        "\\",
        "'",
    ),
)
_AROUND = (
    *(
        "",
        "",
        " ",
        "(",
        ".",
        "+",
        ":",
        "#",
        "_",
        "a",
        "Z",
        "7",
        "\u00e9",
        "\u5c71",
        "\u00b2",
        "\u017f",
        '"',
        "\\",
        "?",
        "-",
    ),
    *("\u0667", "see ", "x1", ", ", "\U0001f600", "\n", "DE", "GB82 ", "1.", "12 "),
)
_ZEROS = (0x30, 0x30, 0x30, 0x30, 0xFF10, 0x660, 0x6F0, 0x966, 0xE50, 0x1D7CE)
_NAMED = (
    *("ssn", "social security", "social security number", "ein", "tax id", "itin", "account", "account no", "acct"),
    *("account number", "routing", "routing number", "aba", "iban"),
)
_SAID = (" ", ": ", " is ", "=", " #", " no. ", "='", ' "', "", "\t", "\u00a0", " - ", ":     ", " is no ", ".")
_NAMES = (
    *("id", "payer_id", "note", "a", "b", "c", "d", "ssn", "SSN number", "user_ssn", "last-ssn-no", "tax_id", "Tax ID"),
    *("tax-id number", "account_number", "routing number", "receipt_number", "cvc", "card_cvv", "cvc_check", "iban"),
    *(
        "ein",
        "itin no",
        "social_security",
        "social-security number",
        "ssn\n",
        "\u017fsn",
        "t\u0131n",
        "\u0131tin",
        "tax_ids",
    ),
)
_SHAPES = ((4, 4, 4, 4), (4, 4, 4, 4), (4, 6, 5), (16,), (15,), (8, 8), (13,), (4, 4, 4, 4, 3), (19,), (20,), (6, 9))
_IBANS = (
    "DE89370400440532013000",
    "GB82WEST12345698765432",
    "DE89370400440532013001",
    "NO9386011117947",
    "AB12CD34EF56GH",
)


def body(seed: int) -> bytes:
    """The body of this number."""
    return _Writer(Random(seed)).body().encode("utf-8", "surrogatepass")


class _Writer:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._one = random.choice
        # How likely a character is written as an escape, and what stands between the parts of the JSON.
        self._escaped = random.choice((0.0, 0.0, 0.03, 0.3, 1.0))
        self._space = random.choice(("", " ", "\n  "))

    def body(self) -> str:
        return self._object(0)

    def _object(self, depth: int) -> str:
        pairs = [f"{self._literal(self._name())}:{self._space}{self._value(depth)}" for _ in range(self._few())]
        return "{" + self._space + f",{self._space}".join(pairs) + self._space + "}"

    def _list(self, depth: int) -> str:
        return "[" + f",{self._space}".join(self._value(depth) for _ in range(self._few())) + "]"

    def _value(self, depth: int) -> str:
        kinds: list[Callable[[], str]] = [lambda: self._literal(self._text())] * 5
        kinds += [self._number, lambda: self._one(("null", "true", "-1.5", '"x"', '"9"', '""'))]
        if depth < 3:
            kinds += [lambda: self._object(depth + 1), lambda: self._list(depth + 1), self._pieces]
        return self._one(kinds)()

    def _name(self) -> str:
        likely = self._random.random()
        return "note" if likely < 0.5 else self._cased(self._one(_NAMES)) if likely < 0.9 else self._text()

    def _text(self) -> str:
        told = self._one((self._card, self._card, self._ssn, self._ein, self._iban, self._by_name, lambda: "a day"))
        return "".join(
            self._one(_AROUND) + told() + self._one(_AROUND) for _ in range(1 + (self._random.random() < 0.2))
        )

    def _card(self) -> str:
        shape = self._one(_SHAPES)
        return self._apart(self._checked(sum(shape)), shape)

    def _ssn(self) -> str:
        return self._apart(self._digits(9), (3, 2, 4))

    def _ein(self) -> str:
        return self._apart(self._digits(9), (2, 7))

    def _iban(self) -> str:
        one = self._one(_IBANS)
        return self._apart(one, (4,) * 6) if self._random.random() < 0.5 else one

    def _by_name(self) -> str:
        word = self._cased(self._one(_NAMED))
        if self._random.random() < 0.1:
            word = word.replace("s", "\u017f", 1).replace("i", self._one("\u0131\u0130"), 1)
        return word + self._one(_SAID) + self._apart(self._digits(self._one((5, 6, 9, 12, 17, 18))), (3, 3, 3, 3, 3, 3))

    def _pieces(self) -> str:
        shape, named = self._one(_SHAPES), self._random.random() < 0.5
        digits, parts = self._checked(sum(shape)), []
        for length in shape:
            name = f"{self._literal(self._one(_NAMES))}:{self._space}" if named else ""
            parts.append(f'{name}"{digits[:length]}"')
            digits = digits[length:]
        told = f"{self._space},{self._space}".join(parts)
        return f"{{{told}}}" if named else f"[{told}]"

    def _number(self) -> str:
        return self._one((self._checked(16), self._checked(15), self._digits(9), "-" + self._checked(16), "1793620000"))

    def _checked(self, length: int) -> str:
        """So many digits, mostly such as a card's."""
        digits = self._one("3456") + self._digits(length - 2)
        if self._random.random() < 0.2:
            return digits + self._one("0123456789")
        return digits + next(last for last in "0123456789" if luhn(digits + last))

    def _digits(self, length: int) -> str:
        return "".join(self._one("0123456789") for _ in range(length))

    def _apart(self, text: str, shape: tuple[int, ...]) -> str:
        """In groups, kept apart by the same or by different things; the digits of one script or several."""
        between, told = self._one(_APART), ""
        mixed, zeros = self._random.random() < 0.1, self._one(_ZEROS)
        scripts = (zeros, 0x30) if self._random.random() < 0.2 else (zeros,)
        for length in shape:
            group, text = text[:length], text[length:]
            told += (between if told and text + group else "") + group
            between = self._one(_APART) if mixed else between
        return "".join(chr(self._one(scripts) + int(char)) if char in "0123456789" else char for char in told + text)

    def _literal(self, text: str) -> str:
        return '"' + "".join(map(self._written, text)) + '"'

    def _written(self, char: str) -> str:
        if self._random.random() < self._escaped:
            pair = char.encode("utf-16-be")
            return "".join(f"\\u{pair[n]:02x}{pair[n + 1]:02x}" for n in range(0, len(pair), 2))
        if char == "/" and self._random.random() < 0.3:
            return "\\/"
        return json.dumps(char, ensure_ascii=False)[1:-1]

    def _cased(self, word: str) -> str:
        return self._one((word, word, word.upper(), word.title()))

    def _few(self) -> int:
        return self._one((0, 1, 1, 1, 2, 3))  # what is found twice does not show that it was missed once
