"""A connection of the pool, lent for a block; with or without a transaction around it.

Classes and not generators: every statement of the product comes through here.
"""

import asyncio
from types import TracebackType
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from shared.database.connect import Connection, RawPool
from shared.database.transient import DATABASE_ERRORS, as_transient, is_transient
from shared.errors import TransientError

RELEASE_SECONDS: Final = 10.0


class Lent:
    """Lends a connection; what passes by itself leaves the block as a `TransientError`."""

    __slots__ = ("_pool", "_proxy", "_seconds")

    _proxy: "PoolConnectionProxy[asyncpg.Record]"

    def __init__(self, pool: RawPool, seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds

    async def __aenter__(self) -> Connection:
        try:
            self._proxy = await self._take()
        except (*DATABASE_ERRORS, OSError) as error:
            # On the way there a name that is not found or a certificate that proves nothing, too.
            await self._translate(error)
            raise
        return self._proxy

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._pool.release(self._proxy, timeout=RELEASE_SECONDS)
        except DATABASE_ERRORS as late:
            await self._translate(late)
            raise
        if isinstance(error, DATABASE_ERRORS):
            await self._translate(error)

    async def _take(self) -> "PoolConnectionProxy[asyncpg.Record]":
        try:
            # The pool's own `timeout` makes a task of each wait.
            async with asyncio.timeout(self._seconds):
                return await self._pool.acquire()
        except TimeoutError:
            raise TransientError(
                f"No database connection within {self._seconds:g} s:"
                f" {self._pool.get_size()} of {self._pool.get_max_size()} are open,"
                f" {self._pool.get_idle_size()} idle. Is the database up? Is the pool too small?"
            ) from None

    async def _translate(self, error: BaseException) -> None:
        """Raise a `TransientError` for what `is_transient` recognises."""
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            await self._pool.expire_connections()
        if is_transient(error):
            raise as_transient(error) from error


class LentTransaction(Lent):
    """Lends a connection inside a transaction, which is committed when the block ends well."""

    __slots__ = ("_transaction",)

    _transaction: Transaction

    async def __aenter__(self) -> Connection:
        connection = await super().__aenter__()
        self._transaction = connection.transaction()
        try:
            await self._transaction.__aenter__()
        except BaseException as error:
            await super().__aexit__(type(error), error, error.__traceback__)
            raise
        return connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._transaction.__aexit__(kind, error, trace)
        except BaseException as late:
            await super().__aexit__(type(late), late, late.__traceback__)
            raise
        await super().__aexit__(kind, error, trace)
