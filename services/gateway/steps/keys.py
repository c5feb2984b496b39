"""Opening the keyring at start, and keeping the keys that sign sessions fresh."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.domain.keyring import KeyName, Purpose
from services.gateway.domain.signing_key import is_accepted, signs
from services.gateway.ports import SigningKey
from services.gateway.steps.living_keys import LivingKeys
from services.gateway.steps.secret_keys import Opened, SecretKeys, standing
from services.gateway.store import keys
from services.gateway.store.keys import StoredSigningKey, WrappedKey
from shared.clock import Clock
from shared.crypto import DataKey, Derivation
from shared.database import Connection, Pool
from shared.telemetry import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The data keys; those that can be replaced are read anew when they were."""

    audit: DataKey
    data: LivingKeys
    fingerprint: DataKey
    session: LivingKeys

    def checkpoint_key(self) -> Ed25519PrivateKey:
        """Return the key that signs the audit log's checkpoints; it is derived, not stored."""
        return Ed25519PrivateKey.from_private_bytes(self.audit.fingerprint("audit checkpoints"))


async def open_keyring(pool: Pool, secret_keys: SecretKeys, clock: Clock) -> Keyring:
    """Return the data keys; make them on the first start.

    A start wraps nothing anew: replicas that know only the old SECRET_KEY may start beside this one
    until `certifyclouds keys rotate` is run. Raises `SettingsError` when a key does not open.
    """
    async with pool.acquire() as conn:
        stored = await keys.read_keyring(conn)
    opened = await asyncio.to_thread(secret_keys.open_all, stored)
    if standing(opened).missing:
        opened = await _make_missing(pool, secret_keys, clock)
    if waiting := standing(opened).waiting:
        logger.warning(
            "SECRET_KEY_PREVIOUS still wraps keys; when every gateway has both, run: certifyclouds"
            " keys rotate",
            keys=[str(name) for name in waiting],
        )
    return Keyring(
        audit=opened[KeyName(Purpose.AUDIT)].key,
        data=LivingKeys(Purpose.DATA, opened.values(), secret_keys),
        fingerprint=opened[KeyName(Purpose.FINGERPRINT)].key,
        session=LivingKeys(Purpose.SESSION, opened.values(), secret_keys),
    )


async def _make_missing(pool: Pool, secret_keys: SecretKeys, clock: Clock) -> dict[KeyName, Opened]:
    """Make the keys that there are not, unless another replica was quicker."""
    async with pool.transaction() as conn:
        stored = await keys.lock_keyring(conn)
        opened = await asyncio.to_thread(secret_keys.open_all, stored)
        added = await asyncio.to_thread(_fresh, secret_keys, standing(opened).missing)
        await keys.add_wrapped_keys(conn, added, clock())
    return await asyncio.to_thread(secret_keys.open_all, [*stored, *added])


def _fresh(secret_keys: SecretKeys, purposes: Iterable[Purpose]) -> list[WrappedKey]:
    """Return a first key for each purpose, wrapped."""
    derivation = Derivation.fresh()
    return [secret_keys.wrap(DataKey.fresh(), KeyName(purpose), derivation) for purpose in purposes]


async def load_signing_keys(pool: Pool, session: LivingKeys, clock: Clock) -> list[SigningKey]:
    """Return the keys whose tokens are accepted; make a new one when the newest is too old."""
    now = clock()
    async with pool.transaction() as conn:
        stored = await keys.lock_signing_keys(conn)
        old = [key.kid for key in stored if not is_accepted(key.created_at, now)]
        await keys.delete_signing_keys(conn, old)
        kept = [key for key in stored if key.kid not in old]
        if not any(signs(key.created_at, now) for key in kept):
            kept.append(await _new_signing_key(conn, session, now))
            await keys.add_signing_key(conn, kept[-1])
        return [await _opened(conn, key, session) for key in kept]


async def _new_signing_key(
    conn: Connection, session: LivingKeys, now: datetime
) -> StoredSigningKey:
    private, kid = Ed25519PrivateKey.generate(), uuid4().hex
    raw = private.private_bytes_raw()
    return StoredSigningKey(
        kid=kid,
        public_key=private.public_key().public_bytes_raw(),
        private_key=await session.encrypt(conn, raw, place=_place(kid)),
        created_at=now,
    )


async def _opened(conn: Connection, key: StoredSigningKey, session: LivingKeys) -> SigningKey:
    return SigningKey(
        kid=key.kid,
        public_key=key.public_key,
        private_key=await session.decrypt(conn, key.private_key, place=_place(key.kid)),
        created_at=key.created_at,
    )


def _place(kid: str) -> str:
    return f"gateway.signing_key/{kid}"
