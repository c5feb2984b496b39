"""Passwords as argon2id hashes (RFC 9106), computed beside the event loop."""

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's minimum for argon2id; about 30 ms of CPU.
MEMORY_KIB: Final = 19_456
ROUNDS: Final = 2
LANES: Final = 1
AT_ONCE: Final = 4


class Argon2Hasher:
    """Implements `ports.PasswordHasher`; only a few hashes are computed at once."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, rounds: int = ROUNDS) -> None:
        self._hasher = PasswordHasher(
            time_cost=rounds, memory_cost=memory_kib, parallelism=LANES, type=Type.ID
        )
        self._nobody = self._hasher.hash(secrets.token_urlsafe(24))
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        async with self._gate:
            fits = await asyncio.to_thread(self._fits, stored or self._nobody, password)
        return fits and stored is not None

    def is_outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
