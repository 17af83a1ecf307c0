"""Ciphertexts open only in their place, under any key of the ring; e-mail look-ups outlive every key."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, select

from config.settings import Settings, SettingsError
from worker.crypt import CannotOpenError, Keyring, keys_for, new_key
from worker.schema import wrapped_keys

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
PLACE = "memberships|personal|M-1"


@given(st.binary(max_size=5000), st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_was_packed_comes_back(plain: bytes, place: str) -> None:
    keyring = Keyring((OLD,))
    assert keyring.open(keyring.seal(plain, place), place) == plain
    assert keyring.unpack(keyring.pack(plain, place), place) == plain


def test_two_seals_of_one_text_differ() -> None:
    keyring = Keyring((OLD,))
    assert keyring.seal(b"a", PLACE) != keyring.seal(b"a", PLACE)


def test_a_ciphertext_opens_only_in_its_place() -> None:
    keyring = Keyring((OLD,))
    with pytest.raises(CannotOpenError):
        keyring.open(keyring.seal(b"a", PLACE), "memberships|personal|M-2")


def test_no_flipped_bit_opens() -> None:
    keyring = Keyring((OLD,))
    sealed = keyring.seal(b"Tuesday", PLACE)
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpenError):
            keyring.open(bytes(altered), PLACE)
    for length in range(len(sealed)):
        with pytest.raises(CannotOpenError):
            keyring.open(sealed[:length], PLACE)


def test_rotation_newest_seals_all_open() -> None:
    old, both, new = Keyring((OLD,)), Keyring((NEW, OLD)), Keyring((NEW,))
    before, after = old.seal(b"a", PLACE), both.seal(b"a", PLACE)
    assert both.open(before, PLACE) == both.open(after, PLACE) == new.open(after, PLACE) == b"a"
    assert [both.standing(sealed[1:9]) for sealed in (before, after)] == ["older", "newest"]
    assert new.standing(before[1:9]) == "missing"
    with pytest.raises(CannotOpenError):
        new.open(before, PLACE)


def test_a_body_that_swells_is_refused() -> None:
    keyring = Keyring((OLD,))
    with pytest.raises(CannotOpenError):
        keyring.unpack(keyring.pack(b"\0" * (9 * 1024 * 1024), PLACE), PLACE)


def test_spellings_of_one_address_meet(engine: Engine) -> None:
    keyring = Keyring((OLD,))
    keyring.ready(engine)
    kept = keyring.email_key("jo@example.test")
    assert kept == keyring.email_key("  JO@Example.TEST ") == keyring.email_key("\uff4a\uff4f@example.test")
    assert kept != keyring.email_key("joe@example.test")
    assert "jo" not in kept


def test_several_processes_share_one_email_key(engine: Engine) -> None:
    rings = [Keyring((OLD,)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda ring: ring.ready(engine), rings))
    assert len({ring.email_key("a@b.test") for ring in rings}) == 1
    with engine.connect() as conn:
        assert len(conn.scalars(select(wrapped_keys.c.name)).all()) == 1


def test_a_look_up_before_its_key_is_known_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        Keyring((OLD,)).email_key("a@b.test")


def test_a_key_is_on_the_disk_before_it_seals(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def noting(handle: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        assert synced != ["file", "folder"] or len(list(tmp_path.glob("*.keys"))) == 1
        real(handle)

    monkeypatch.setattr(os, "fsync", noting)
    keys_for(Settings(database_url=sqlite_url))
    # Its content and its name: of either alone nothing opens again after a loss of power.
    assert synced == ["file", "folder"]


def test_sqlite_makes_its_key_once_for_its_owner_only(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=sqlite_url)
    with ThreadPoolExecutor(4) as pool:
        sources = list(pool.map(lambda _: keys_for(settings), range(4)))
    sealed = sources[0].keyring.seal(b"a", PLACE)
    assert all(source.keyring.open(sealed, PLACE) == b"a" for source in sources)
    (file,) = tmp_path.glob("*.keys")
    assert sources[0].file == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_key_file_that_others_may_read_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=sqlite_url)
    keys_for(settings)
    (file,) = tmp_path.glob("*.keys")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="owner"):
        keys_for(settings)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "\u00e9"])
def test_a_spoilt_key_file_is_named(sqlite_url: str, tmp_path: Path, text: str) -> None:
    file = tmp_path / "makegood.db.keys"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"makegood\.db\.keys is malformed"):
        keys_for(Settings(database_url=sqlite_url))


def test_postgres_needs_the_setting() -> None:
    with pytest.raises(SettingsError, match="MAKEGOOD_ENCRYPTION_KEYS is not set"):
        keys_for(Settings(database_url="postgresql://db.example.test/x"))
    given_keys = (SecretStr(new_key()), SecretStr(base64.b64encode(OLD).decode()))
    source = keys_for(Settings(database_url="postgresql://db.example.test/x", encryption_keys=given_keys))
    assert source.file is None
    assert source.keyring.open(Keyring((OLD,)).seal(b"a", PLACE), PLACE) == b"a"


def test_a_keyring_shows_no_key() -> None:
    assert OLD.hex() not in repr(Keyring((OLD,)))
    for keys in ((), (b"short",)):
        with pytest.raises(ValueError, match="32 bytes"):
            Keyring(keys)
