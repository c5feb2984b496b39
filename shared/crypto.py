"""Keys and what is stored encrypted.

SECRET_KEY never encrypts a row. PBKDF2-HMAC-SHA256 (RFC 8018, 600,000 rounds, a random salt) makes
a Fernet key of it, and that wraps random data keys; the data keys encrypt. Changing SECRET_KEY
therefore re-wraps a handful of keys and no data.

Fernet has no associated data: a ciphertext could be moved from one row to another. So every text
carries the name of its place inside, and `decrypt` refuses a text that was made for another place.
What is stored begins with `cc1:`, so that a later scheme can stand beside it.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from shared.errors import PermanentError

PREFIX: Final = "cc1:"
ITERATIONS: Final = 600_000
SALT_BYTES: Final = 16
KEY_BYTES: Final = 32
_LENGTH_BYTES: Final = 2


class DecryptionError(PermanentError):
    """A stored text cannot be read: another key, another place, or it was changed."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a wrapping key was made of SECRET_KEY; kept beside what it wraps. Holds no secret."""

    salt: bytes
    iterations: int = ITERATIONS

    @classmethod
    def fresh(cls) -> "Derivation":
        """Return a derivation with a new random salt."""
        return cls(secrets.token_bytes(SALT_BYTES))


@final
class DataKey:
    """A random key that encrypts texts and makes keyed fingerprints. It does not print."""

    __slots__ = ("__fernet", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.__fernet = Fernet(base64.urlsafe_b64encode(key))

    @classmethod
    def fresh(cls) -> "DataKey":
        """Return a new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def encrypt(self, text: bytes, *, place: str) -> str:
        """Return `text` encrypted for one place, such as `gateway.signing_key/<kid>`."""
        name = place.encode()
        body = len(name).to_bytes(_LENGTH_BYTES, "big") + name + text
        return PREFIX + self.__fernet.encrypt(body).decode()

    def decrypt(self, stored: str, *, place: str) -> bytes:
        """Return the text again; raises `DecryptionError` if it was not made here for `place`."""
        if not stored.startswith(PREFIX):
            raise DecryptionError(f"What is stored at {place} was written by a newer release.")
        try:
            body = self.__fernet.decrypt(stored.removeprefix(PREFIX).encode())
        except InvalidToken:
            raise DecryptionError(f"What is stored at {place} was made with another key.") from None
        size = int.from_bytes(body[:_LENGTH_BYTES], "big")
        name, text = body[_LENGTH_BYTES : _LENGTH_BYTES + size], body[_LENGTH_BYTES + size :]
        if name != place.encode():
            raise DecryptionError(f"What is stored at {place} was made for another place.")
        return text

    def fingerprint(self, text: str) -> bytes:
        """Return HMAC-SHA256 of the text: equal texts can be found without keeping them."""
        return hmac.digest(self._key, text.encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return "DataKey(…)"

    def __reduce__(self) -> str:
        raise TypeError("A key is never serialised.")


def derived_key(secret_key: str, *, purpose: str) -> DataKey:
    """Return the key of an installation for one purpose (HKDF-SHA256, RFC 5869).

    It is stored nowhere. It is for fingerprints only: under another SECRET_KEY there is another
    one, and nothing that was encrypted with it could be read again.
    """
    kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
    return DataKey(kdf.derive(secret_key.encode()))


class UnknownKeyError(DecryptionError):
    """A stored text names a data key that is not here; another process may have made it."""


@final
class DataKeys:
    """The data keys of one purpose by their version, from 1; the newest encrypts.

    A text of a later version than the first carries it: `cc1:2:…`.
    """

    __slots__ = ("__keys", "newest")

    def __init__(self, keys: Mapping[int, DataKey]) -> None:
        self.__keys = dict(keys)
        self.newest = max(self.__keys)

    def encrypt(self, text: bytes, *, place: str) -> str:
        """Return `text` encrypted for one place by the newest key."""
        stored = self.__keys[self.newest].encrypt(text, place=place)
        if self.newest == 1:
            return stored
        return f"{PREFIX}{self.newest}:{stored.removeprefix(PREFIX)}"

    def decrypt(self, stored: str, *, place: str) -> bytes:
        """Return the text again; raises `DecryptionError`, or `UnknownKeyError` for its version."""
        version, plain = split_version(stored)
        if version not in self.__keys:
            raise UnknownKeyError(f"What is stored at {place} was made with key {version}.")
        return self.__keys[version].decrypt(plain, place=place)

    def with_others(self, others: Mapping[int, DataKey]) -> "DataKeys":
        """Return these keys and more."""
        return DataKeys(self.__keys | dict(others))

    def __repr__(self) -> str:
        return "DataKeys(…)"

    def __reduce__(self) -> str:
        raise TypeError("A key is never serialised.")


def split_version(stored: str) -> tuple[int, str]:
    """Return the version of a text's key, and the text without it.

    >>> split_version("cc1:2:gAAAA"), split_version("cc1:gAAAA")
    ((2, 'cc1:gAAAA'), (1, 'cc1:gAAAA'))
    """
    version, colon, body = stored.removeprefix(PREFIX).partition(":")
    if stored.startswith(PREFIX) and colon and version.isdecimal():
        return int(version), PREFIX + body
    return 1, stored


@final
class WrappingKey:
    """What SECRET_KEY becomes: it wraps data keys and nothing else. It does not print."""

    __slots__ = ("__key",)

    def __init__(self, secret_key: str, derivation: Derivation) -> None:
        """Derive the key; this takes about a tenth of a second of CPU, once per start."""
        kdf = PBKDF2HMAC(
            algorithm=SHA256(),
            length=KEY_BYTES,
            salt=derivation.salt,
            iterations=derivation.iterations,
        )
        self.__key = DataKey(kdf.derive(secret_key.encode()))

    def wrap(self, key: DataKey, *, purpose: str) -> str:
        """Return a data key, wrapped for one purpose."""
        return self.__key.encrypt(key._key, place=f"keyring/{purpose}")  # noqa: SLF001 - its one reader

    def unwrap(self, wrapped: str, *, purpose: str) -> DataKey:
        """Return the data key again; raises `DecryptionError` under another SECRET_KEY."""
        return DataKey(self.__key.decrypt(wrapped, place=f"keyring/{purpose}"))

    def __repr__(self) -> str:
        return "WrappingKey(…)"

    def __reduce__(self) -> str:
        raise TypeError("A key is never serialised.")
