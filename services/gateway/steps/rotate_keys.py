"""Changing SECRET_KEY while the platform runs: each data key is wrapped anew, one by one.

A transaction wraps one key, and records it. Whatever ends the process leaves keys that the present
SECRET_KEY wraps and keys that the previous one wraps, never one that neither opens; running it
again goes on with the rest. The data keys stay the same, so running replicas notice nothing.
"""

import asyncio
from collections.abc import Mapping

from services.gateway.domain.keyring import KeyName, Rotated, Wrapper
from services.gateway.steps import audit_keys
from services.gateway.steps.secret_keys import Opened, SecretKeys, standing
from services.gateway.store import keys
from services.gateway.store.keys import WrappedKey
from shared.clock import Clock
from shared.crypto import Derivation
from shared.database import Pool
from shared.errors import PermanentError, SettingsError


async def rotate_keys(pool: Pool, secret_keys: SecretKeys, clock: Clock) -> Rotated:
    """Let SECRET_KEY wrap what SECRET_KEY_PREVIOUS wraps; nothing to do is fine.

    Raises `SettingsError`, before anything is changed, if neither opens one of the keys.
    """
    if secret_keys.are_equal:
        raise SettingsError(
            "SECRET_KEY_PREVIOUS: it is the same as SECRET_KEY. Set SECRET_KEY to a new one; make"
            " it: openssl rand -hex 32"
        )
    async with pool.acquire() as conn:
        stored = await keys.read_keyring(conn)
    if not stored:
        raise PermanentError("This database has no keys yet: a gateway makes them when it starts.")
    # What takes a tenth of a second a key is derived here, before rows are locked.
    await asyncio.to_thread(secret_keys.open_all, stored)
    wrapped = 0
    while await _wrap_next(pool, secret_keys, clock):
        wrapped += 1
    return Rotated(keys=len(stored), wrapped=wrapped)


async def _wrap_next(pool: Pool, secret_keys: SecretKeys, clock: Clock) -> bool:
    """Wrap one more key; False when none was left. Two that run at once share the keys."""
    async with pool.transaction() as conn:
        stored = await keys.lock_wrapped_keys(conn)
        opened = await asyncio.to_thread(secret_keys.open_all, stored)
        waiting = standing(opened).waiting
        if not waiting:
            return False
        anew = await asyncio.to_thread(_anew, secret_keys, opened, waiting[0])
        await keys.save_wrapped_key(conn, anew, clock())
        await audit_keys.key_wrapped(conn, anew.name)
        if len(waiting) == 1:
            await audit_keys.keys_rotated(conn, len(opened))
    return True


def _anew(secret_keys: SecretKeys, opened: Mapping[KeyName, Opened], name: KeyName) -> WrappedKey:
    """Wrap a key with the salt of those that are done, so that a start derives one key only."""
    done = [one.derivation for one in opened.values() if one.by is Wrapper.PRESENT]
    derivation = done[0] if done else Derivation.fresh()
    return secret_keys.wrap(opened[name].key, name, derivation)
