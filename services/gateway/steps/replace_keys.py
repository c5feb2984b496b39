"""Replacing data keys while the platform runs: a new key, every row anew, the old key gone.

Each row has a transaction. What is encrypted names its key, and the database keeps a key that a row
needs; so whatever ends the process, every row can be read, and running it again goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from services.gateway.domain.keyring import REPLACEABLE, KeyName, Purpose, Replaced
from services.gateway.steps import audit_keys
from services.gateway.steps.living_keys import of_purpose
from services.gateway.steps.secret_keys import Opened, SecretKeys, standing
from services.gateway.store import encrypted, keys
from services.gateway.store.encrypted import EncryptedRow
from services.gateway.store.keys import WrappedKey
from shared.clock import Clock
from shared.crypto import DataKey, DataKeys
from shared.database import Connection, Pool
from shared.errors import PermanentError


@dataclass(frozen=True, slots=True)
class _Table:
    """Where the rows of one purpose are."""

    older: Callable[[Connection, int], Awaitable[EncryptedRow | None]]
    save: Callable[[Connection, EncryptedRow], Awaitable[None]]
    place: str


TABLES: Final[Mapping[Purpose, _Table]] = {
    Purpose.DATA: _Table(
        encrypted.lock_older_factor, encrypted.save_factor, "gateway.second_factor"
    ),
    Purpose.SESSION: _Table(
        encrypted.lock_older_signing_key, encrypted.save_signing_key, "gateway.signing_key"
    ),
}


async def replace_data_keys(pool: Pool, secret_keys: SecretKeys, clock: Clock) -> Replaced:
    """Replace the keys `data` and `session`, or finish what was begun and cut off.

    Raises `SettingsError` if a key does not open, and `PermanentError` while SECRET_KEY does not
    wrap all of them.
    """
    opened = await _begin(pool, secret_keys, clock)
    rows = 0
    unfinished = standing(opened).unfinished
    for purpose in unfinished:
        found = of_purpose(opened.values(), purpose)
        while not await _retire(pool, KeyName(purpose, found.newest)):
            while await _encrypt_next(pool, purpose, found):
                rows += 1
    return Replaced(purposes=unfinished, rows=rows)


async def _begin(pool: Pool, secret_keys: SecretKeys, clock: Clock) -> Mapping[KeyName, Opened]:
    """Add a new key for each purpose at once, unless some wait for being finished."""
    async with pool.transaction() as conn:
        stored = await keys.lock_keyring(conn)
        opened = await asyncio.to_thread(secret_keys.open_all, stored)
        if standing(opened).waiting:
            raise PermanentError("SECRET_KEY does not wrap all keys yet: that is changed first.")
        if standing(opened).unfinished:
            return opened
        added = await asyncio.to_thread(_fresh, secret_keys, opened)
        await keys.add_wrapped_keys(conn, added, clock())
        for one in added:
            await audit_keys.key_made(conn, one.name)
    return await asyncio.to_thread(secret_keys.open_all, [*stored, *added])


def _fresh(secret_keys: SecretKeys, opened: Mapping[KeyName, Opened]) -> list[WrappedKey]:
    """Return a new key of each purpose, wrapped with the salt of the others."""
    derivation = next(iter(opened.values())).derivation
    names = [standing(opened).following(purpose) for purpose in REPLACEABLE]
    return [secret_keys.wrap(DataKey.fresh(), name, derivation) for name in names]


async def _encrypt_next(pool: Pool, purpose: Purpose, found: DataKeys) -> bool:
    """Encrypt one more row with the newest key; False when none was left."""
    table = TABLES[purpose]
    async with pool.transaction() as conn:
        row = await table.older(conn, found.newest)
        if row is None:
            return False
        place = f"{table.place}/{row.id}"
        text = found.decrypt(row.text, place=place)
        anew = found.encrypt(text, place=place)
        if found.decrypt(anew, place=place) != text:
            raise PermanentError(f"{place} did not open again; it stays as it was.")
        await table.save(conn, EncryptedRow(id=row.id, text=anew))
    return True


async def _retire(pool: Pool, newest: KeyName) -> bool:
    """Let the older keys go; False while a row needs one: somebody was writing it just now."""
    async with pool.transaction() as conn:
        older = await keys.lock_older_keys(conn, newest)
        if await TABLES[Purpose(newest.purpose)].older(conn, newest.version):
            return False
        await keys.delete_older_keys(conn, newest)
        for name in older:
            await audit_keys.key_retired(conn, name)
    return True
