"""What a lenient JSON parser lets through stops at the edge, always as the same exception, and quickly."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.inbox import MalformedDelivery
from handlers.strict_json import DEPTH_MAX, JsonObject, child, children, flag, integer, needed, parse, text

MIB = 1 << 20


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("not UTF-8", b'{"a": "\xff"}'),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("UTF-16", "{}".encode("utf-16")),
        ("a surrogate written as UTF-8", b'{"a": "\xed\xa0\x80"}'),
        ("nothing", b""),
        ("not JSON", b"charge=ch_1"),
        ("two documents", b"{}{}"),
        ("cut off", b'{"a": "'),
        ("a list", b"[]"),
        ("a string", b'"a"'),
        ("null", b"null"),
        ("a key twice", b'{"a": 1, "a": 2}'),
        ("a key twice, once escaped", b'{"a": 1, "\\u0061": 2}'),
        ("a key twice, deep inside", b'{"a": [{"b": {"c": 1, "c": 1}}]}'),
        ("NaN", b'{"a": NaN}'),
        ("Infinity", b'{"a": Infinity}'),
        ("minus Infinity", b'{"a": -Infinity}'),
        ("1e400", b'{"a": 1e400}'),
        ("a tiny number", b'{"a": 1e-400}'),
        ("an exponent that takes seconds", b'{"a": 1e99999999999}'),
        ("an integer of 21 digits", b'{"a": 123456789012345678901}'),
        ("an integer of 5,000 digits", b'{"a": ' + b"1" * 5000 + b"}"),
        ("a fraction of 5,000 digits", b'{"a": 1.' + b"1" * 5000 + b"}"),
        ("half a surrogate pair", b'{"a": "\\ud83d"}'),
        ("half a surrogate pair as a key", b'{"\\udc00": 1}'),
        ("a control character", b'{"a": "\n"}'),
    ],
)
def test_a_body_that_is_not_strictly_json_is_refused(why: str, body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        parse(body)
    assert why


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":', b'["'])
def test_a_mebibyte_of_nesting_is_refused_in_milliseconds(opening: bytes) -> None:
    started = time.process_time()
    with pytest.raises(MalformedDelivery, match="nests deeper"):
        parse(opening * (MIB // len(opening)))
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("body", [b'"' + b'\\"' * (MIB // 2), b'"' + b"\\" * MIB, b"{" + b" " * MIB])
def test_a_mebibyte_that_never_ends_is_refused_without_quadratic_work(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(MalformedDelivery):
        parse(b"[" * 65 + body)
    assert time.process_time() - started < 1.0


def test_nesting_is_counted_exactly_and_not_inside_strings() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    parse(nested(DEPTH_MAX))
    with pytest.raises(MalformedDelivery):
        parse(nested(DEPTH_MAX + 1))
    parse(json.dumps({"a": "[" * 1000, 'b"\\': "{" * 1000}).encode())
    parse(b'{"a": [' + b"[]," * 1000 + b"[]]}")


def test_numbers_keep_every_digit() -> None:
    assert parse(b'{"a": 18446744073709551616, "b": 0.10, "c": 1E2}') == {
        "a": 2**64,
        "b": Decimal("0.10"),
        "c": Decimal("1E2"),
    }


def test_a_whole_pair_of_surrogates_is_one_character_and_an_escaped_backslash_none() -> None:
    assert parse(b'{"a": "\\ud83d\\ude00", "b": "\\\\ud800"}') == {"a": "\U0001f600", "b": "\\ud800"}


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    for body in (b'{"secret": NaN}', b"secret", b'{"secret": 1, "secret": 2}', b'["secret"]'):
        with pytest.raises(MalformedDelivery) as refused:
            parse(body)
        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is None


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        value = parse(body)
    except MalformedDelivery:
        return
    assert isinstance(value, dict)


@given(
    st.dictionaries(
        st.text(),
        st.recursive(st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(), st.lists, max_leaves=20),
    )
)
def test_what_strict_json_can_say_is_read_as_the_standard_parser_reads_it(value: JsonObject) -> None:
    for body in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert parse(body.encode()) == value


_LITERALS = (
    "null true -0 7 9999999999999999999 99999999999999999999 -9999999999999999999 -99999999999999999999 1.0 1e2 -0.0"
    ' "" "a" "\\u0061" "\\/" "\\\\" "\\"" "\\ud83d\\ude00" "\\ud83d" "\u00e9" "\u2028" "\x7f" "\\u0000" "[{" NaN 01'
)
_written = st.recursive(
    st.sampled_from(_LITERALS.split()),
    lambda part: (
        st.lists(part, max_size=4).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"\\u0061"', '"c" ']), part), max_size=3).map(
            lambda pairs: f"{{{','.join(f'{name}:{value}' for name, value in pairs)}}}"
        )
    ),
)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "\\u0061"]), _written), max_size=3))
def test_an_object_is_read_or_refused_alike_whether_it_is_looked_at_quickly_or_closely(
    pairs: list[tuple[str, str]],
) -> None:
    plain = ",".join(f'"{name}": {value}' for name, value in pairs)
    # An escape in front makes the quick look give up, and changes nothing else.
    quick, close = (_read(text.encode()) for text in (f"{{{plain}}}", f'{{"\\u007a": [{{{plain}}}]}}'))
    assert quick == (close if isinstance(close, str) else close["z"][0])


def _read(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return parse(body)
    except MalformedDelivery as refused:
        return str(refused)


SOURCE = parse(b'{"a": {"b": "x", "n": 7, "t": true, "o": {"k": 1}, "l": [{"k": 1}], "none": null, "nul": "\\u0000"}}')


def test_a_path_that_is_missing_or_null_reads_as_none() -> None:
    for path in (("a", "missing"), ("a", "none"), ("a", "none", "deeper"), ("missing", "deeper")):
        assert text(SOURCE, *path) is None
        assert integer(SOURCE, *path) is None
        assert flag(SOURCE, *path) is None
        assert child(SOURCE, *path) is None
        assert children(SOURCE, *path) == []


def test_a_path_reads_as_what_it_holds() -> None:
    assert text(SOURCE, "a", "b") == "x"
    assert integer(SOURCE, "a", "n") == 7
    assert flag(SOURCE, "a", "t") is True
    assert child(SOURCE, "a", "o") == {"k": 1}
    assert children(SOURCE, "a", "l") == [{"k": 1}]
    assert needed(0, "a") == 0


def test_a_value_of_another_type_is_refused_with_its_place() -> None:
    with pytest.raises(MalformedDelivery, match=r"^a\.n is not a string$"):
        text(SOURCE, "a", "n")
    with pytest.raises(MalformedDelivery, match=r"^a\.t is not a whole number$"):
        integer(SOURCE, "a", "t")
    with pytest.raises(MalformedDelivery, match=r"^a\.n is not true or false$"):
        flag(SOURCE, "a", "n")
    with pytest.raises(MalformedDelivery, match=r"^a\.l is not an object$"):
        child(SOURCE, "a", "l")
    with pytest.raises(MalformedDelivery, match=r"^a\.o is not a list of objects$"):
        children(SOURCE, "a", "o")
    with pytest.raises(MalformedDelivery, match=r"^a\.b is not an object$"):
        text(SOURCE, "a", "b", "deeper")
    with pytest.raises(MalformedDelivery, match=r"^a\.z is missing$"):
        needed(text(SOURCE, "a", "z"), "a", "z")


def test_a_string_that_no_database_column_takes_is_refused() -> None:
    with pytest.raises(MalformedDelivery, match=r"a\.nul"):
        text(SOURCE, "a", "nul")
    with pytest.raises(MalformedDelivery, match="a is not"):
        text({"a": "x" * 2000}, "a")
