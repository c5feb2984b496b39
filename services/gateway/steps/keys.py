"""Opening the keyring at start, and keeping the keys that sign sessions fresh."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.domain.signing_key import is_accepted, signs
from services.gateway.ports import SigningKey
from services.gateway.store import keys
from services.gateway.store.keys import StoredSigningKey, WrappedKey
from shared.clock import Clock
from shared.crypto import DataKey, DecryptionError, Derivation, WrappingKey
from shared.database import Pool
from shared.errors import SettingsError

PURPOSES: Final = ("audit", "data", "fingerprint", "session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The data keys, one per purpose."""

    audit: DataKey
    data: DataKey
    fingerprint: DataKey
    session: DataKey

    def checkpoint_key(self) -> Ed25519PrivateKey:
        """Return the key that signs the audit log's checkpoints; it is derived, not stored."""
        return Ed25519PrivateKey.from_private_bytes(self.audit.fingerprint("audit checkpoints"))


async def open_keyring(
    pool: Pool, *, secret_key: str, previous: str | None, clock: Clock
) -> Keyring:
    """Return the data keys; make them on the first start.

    Keys that the previous SECRET_KEY wrapped are wrapped anew, all of them in one transaction.
    Raises `SettingsError` when neither key opens them.
    """
    async with pool.transaction() as conn:
        stored = await keys.lock_keyring(conn)
        opened, current = await asyncio.to_thread(_open, stored, secret_key, previous)
        missing = set(PURPOSES) - opened.keys()
        if missing or not current:
            opened |= {purpose: DataKey.fresh() for purpose in missing}
            wrapped = await asyncio.to_thread(_wrap_all, opened, secret_key)
            await keys.save_wrapped_keys(conn, wrapped, clock())
    return Keyring(**opened)


def _open(
    stored: Sequence[WrappedKey], secret_key: str, previous: str | None
) -> tuple[dict[str, DataKey], bool]:
    """Unwrap all keys; the second value says whether the present SECRET_KEY wrapped them."""
    for index, secret in enumerate(filter(None, (secret_key, previous))):
        try:
            return _unwrap_all(stored, secret), index == 0
        except DecryptionError:
            continue
    raise SettingsError(
        "SECRET_KEY is not the one that this database was begun with. Set the right one; if you"
        " changed it, set SECRET_KEY_PREVIOUS to the old one for one start."
    )


def _unwrap_all(stored: Sequence[WrappedKey], secret: str) -> dict[str, DataKey]:
    wrapping = {
        derivation: WrappingKey(secret, derivation)
        for derivation in {key.derivation for key in stored}
    }
    return {
        key.purpose: wrapping[key.derivation].unwrap(key.wrapped, purpose=key.purpose)
        for key in stored
    }


def _wrap_all(opened: dict[str, DataKey], secret: str) -> list[WrappedKey]:
    derivation = Derivation.fresh()
    wrapping = WrappingKey(secret, derivation)
    return [
        WrappedKey(
            purpose=purpose, wrapped=wrapping.wrap(key, purpose=purpose), derivation=derivation
        )
        for purpose, key in sorted(opened.items())
    ]


async def load_signing_keys(pool: Pool, session: DataKey, clock: Clock) -> list[SigningKey]:
    """Return the keys whose tokens are accepted; make a new one when the newest is too old."""
    now = clock()
    async with pool.transaction() as conn:
        stored = await keys.lock_signing_keys(conn)
        old = [key.kid for key in stored if not is_accepted(key.created_at, now)]
        await keys.delete_signing_keys(conn, old)
        kept = [key for key in stored if key.kid not in old]
        if not any(signs(key.created_at, now) for key in kept):
            kept.append(_new_signing_key(session, now))
            await keys.add_signing_key(conn, kept[-1])
    return [_opened(key, session) for key in kept]


def _new_signing_key(session: DataKey, now: datetime) -> StoredSigningKey:
    private, kid = Ed25519PrivateKey.generate(), uuid4().hex
    return StoredSigningKey(
        kid=kid,
        public_key=private.public_key().public_bytes_raw(),
        private_key=session.encrypt(private.private_bytes_raw(), place=_place(kid)),
        created_at=now,
    )


def _opened(key: StoredSigningKey, session: DataKey) -> SigningKey:
    return SigningKey(
        kid=key.kid,
        public_key=key.public_key,
        private_key=session.decrypt(key.private_key, place=_place(key.kid)),
        created_at=key.created_at,
    )


def _place(kid: str) -> str:
    return f"gateway.signing_key/{kid}"
