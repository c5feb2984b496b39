"""The data keys of one purpose on a replica that runs while they are replaced.

Nobody tells replicas of a new key: one is looked for when a text names it, and before something is
encrypted.
"""

import asyncio
from collections.abc import Iterable
from typing import final

from services.gateway.domain.keyring import Purpose
from services.gateway.steps.secret_keys import Opened, SecretKeys
from services.gateway.store import keys
from shared.crypto import DataKeys, UnknownKeyError
from shared.database import Connection


def of_purpose(opened: Iterable[Opened], purpose: Purpose) -> DataKeys:
    """Return a purpose's keys among these."""
    return DataKeys({one.name.version: one.key for one in opened if one.name.purpose == purpose})


@final
class LivingKeys:
    """Encrypts with the newest key that there is, and decrypts with every key that there is."""

    __slots__ = ("__keys", "__purpose", "__secret_keys")

    def __init__(self, purpose: Purpose, opened: Iterable[Opened], secret_keys: SecretKeys) -> None:
        self.__purpose = purpose
        self.__keys = of_purpose(opened, purpose)
        self.__secret_keys = secret_keys

    async def encrypt(self, conn: Connection, text: bytes, *, place: str) -> str:
        """Return `text` encrypted for one place; its key stays until the transaction ends."""
        if await keys.hold_newest(conn, self.__purpose) != self.__keys.newest:
            await self._look(conn)
        return self.__keys.encrypt(text, place=place)

    async def decrypt(self, conn: Connection, stored: str, *, place: str) -> bytes:
        """Return the text again; raises `DecryptionError` if it was not made here for `place`."""
        try:
            return self.__keys.decrypt(stored, place=place)
        except UnknownKeyError:
            await self._look(conn)
        return self.__keys.decrypt(stored, place=place)

    async def _look(self, conn: Connection) -> None:
        """Read the purpose's keys anew; those that are gone stay known."""
        stored = [
            key for key in await keys.read_keyring(conn) if key.name.purpose == self.__purpose
        ]
        opened = await asyncio.to_thread(self.__secret_keys.open_all, stored)
        found = {one.name.version: one.key for one in opened.values()}
        self.__keys = self.__keys.with_others(found)

    def __repr__(self) -> str:
        return f"LivingKeys({self.__purpose})"

    def __reduce__(self) -> str:
        raise TypeError("A key is never serialised.")
