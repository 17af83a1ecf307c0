"""What is encrypted, and with which key. AES-256-GCM; the additional data names the place of a ciphertext, so that one
moved to another row or column does not open.

A ciphertext is: version (1 byte), key id (8), nonce (12), then the sealed text with its tag. The newest master key
seals, every one of them opens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from isal import isal_zlib  # writes what zlib reads, in a third of its time
from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url

from config.settings import Settings, SettingsError, missing
from worker.schema import wrapped_keys

KEY_BYTES = 32
_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _ID_BYTES + _NONCE_BYTES
_BODY_MAX = 8 * 1024 * 1024
_INDEX_KEY = "email-index"


class CannotOpenError(ValueError):
    """A ciphertext that no key opens in this place: another key, another row, or altered bytes."""


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"makegood key id" + key).digest()[:_ID_BYTES]


class Keyring:
    """The master keys, newest first. Holds no database: what needs one takes the connection."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a keyring needs at least one key, each of 32 bytes")
        self._newest = _key_id(keys[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._index_key: bytes | None = None

    def __repr__(self) -> str:
        return f"Keyring({', '.join(key_id.hex() for key_id in self._ciphers)})"

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt under the newest key. `place` is `table|column|row key`."""
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + self._newest + nonce
        return header + self._ciphers[self._newest].encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt what was sealed for the same place. Raises CannotOpenError."""
        cipher = self._ciphers.get(sealed[1 : 1 + _ID_BYTES])
        if sealed[:1] != _VERSION or cipher is None or len(sealed) <= _HEADER_BYTES:
            raise CannotOpenError(f"no key opens {place}")
        nonce = sealed[1 + _ID_BYTES : _HEADER_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES:], place.encode())
        except InvalidTag:
            raise CannotOpenError(f"{place} was altered or moved") from None

    @property
    def newest(self) -> str:
        """The id of the key that seals. It says nothing of the key itself."""
        return self._newest.hex()

    def standing(self, key_id: bytes) -> str:
        """Where the key of this id stands in the ring: `newest`, `older`, or `missing`, so that nothing opens what
        is under it."""
        if key_id == self._newest:
            return "newest"
        return "older" if key_id in self._ciphers else "missing"

    def pack(self, plain: bytes, place: str) -> bytes:
        """Compress, then encrypt: a stored body."""
        return self.seal(isal_zlib.compress(plain, 1), place)

    def unpack(self, packed: bytes, place: str) -> bytes:
        """What `pack` was given. Raises CannotOpenError."""
        inflate = isal_zlib.decompressobj()
        plain = inflate.decompress(self.open(packed, place), _BODY_MAX)
        if not inflate.eof:
            raise CannotOpenError(f"{place} is larger than a body may be")
        return plain

    def ready(self, engine: Engine) -> None:
        """Read the key of the e-mail index, making it the first time. Call once, outside any transaction, before
        `email_key`: the key is used only after it is known to be kept."""
        if self._index_key is None:
            self._index_key = _index_key(self, engine)

    def keyed(self, content: bytes) -> str:
        """What tells the same content again, and tells nothing about it to somebody without the keys."""
        if self._index_key is None:
            raise RuntimeError("Keyring.ready(engine) comes first")
        return hmac.new(self._index_key, b"content|" + content, hashlib.sha256).hexdigest()

    def email_key(self, address: str) -> str:
        """What stands for an e-mail address in a look-up: the same for spellings of one address, and of no use to
        somebody who has the database without the keys."""
        if self._index_key is None:
            raise RuntimeError("Keyring.ready(engine) comes first")
        return hmac.new(self._index_key, normalised_email(address).encode(), hashlib.sha256).hexdigest()[:32]


def normalised_email(address: str) -> str:
    """One spelling for an address however it was typed."""
    return unicodedata.normalize("NFKC", address).strip().lower()


def key_place(name: str) -> str:
    """Where a wrapped key is, for the cipher."""
    return f"wrapped_keys|wrapped|{name}"


def _index_key(keyring: Keyring, engine: Engine) -> bytes:
    """A key of its own, wrapped under the master key: changing the master key must not change what e-mails hash to."""
    read = select(wrapped_keys.c.wrapped).where(wrapped_keys.c.name == _INDEX_KEY)
    with engine.connect() as conn:
        wrapped = conn.scalar(read)
    if wrapped is None:
        made = keyring.seal(secrets.token_bytes(KEY_BYTES), key_place(_INDEX_KEY))
        upsert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        # Two processes may come here at once: the first one's key is everybody's.
        with engine.begin() as conn:
            conn.execute(upsert(wrapped_keys).values(name=_INDEX_KEY, wrapped=made).on_conflict_do_nothing())
        with engine.connect() as conn:
            wrapped = conn.execute(read).scalar_one()
    try:
        return keyring.open(wrapped, key_place(_INDEX_KEY))
    except CannotOpenError:
        said = "MAKEGOOD_ENCRYPTION_KEYS: expected the keys of this database (without the setting: those of the file "
        raise SettingsError(f"{said}.keys beside it), and none of them opens it") from None


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the master keys came from: the settings, or an owner-only file beside a SQLite database."""

    keyring: Keyring
    file: Path | None = None


def keys_for(settings: Settings) -> KeySource:
    """The keyring of the settings. Unset on SQLite, a key is made once in an owner-only file beside the database; on
    Postgres the setting is required (SettingsError)."""
    if settings.encryption_keys:
        return KeySource(Keyring(tuple(base64.b64decode(key.get_secret_value()) for key in settings.encryption_keys)))
    database = make_url(settings.database_url).database
    if not settings.is_sqlite or not database or database == ":memory:":
        raise missing("encryption_keys")
    path = Path(database + ".keys")
    return KeySource(Keyring(_from_file(path)), path)


def new_key() -> str:
    """A fresh master key as the setting takes it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _from_file(path: Path) -> tuple[bytes, ...]:
    if not path.exists():
        _make_file(path)
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{path} holds the encryption keys: expected that only its owner may read it (chmod 600)")
    try:
        keys = tuple(base64.b64decode(line, validate=True) for line in path.read_text(encoding="ascii").split())
    except ValueError:
        keys = ()
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise SettingsError(f"{path} is malformed: expected keys of 32 bytes in base64, one a line, newest first")
    return keys


def _make_file(path: Path) -> None:
    # Written whole under another name and then linked: of two processes that start at once one wins, and neither reads
    # half a key. The file is synced before anything can be sealed with what it holds.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    # The name too has to outlive a loss of power: what is sealed under a key that is gone is gone.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
