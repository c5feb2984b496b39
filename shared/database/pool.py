"""Connections of one service, each wait with a deadline.

The pool connects when it is first used, so that a service may start before its database. A
transient fault (`is_transient`) leaves the pool as a `TransientError`; every other database error
as it is.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import asyncpg

from shared.database.connect import Connection, RawPool, connect_options, prepare
from shared.database.lent import Lent, LentTransaction
from shared.database.listen import Callback, listening

ACQUIRE_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 10.0


class Pool:
    """A pool of connections to one database as one role; made by `create_pool`."""

    def __init__(
        self,
        pool: RawPool,
        *,
        url: str,
        service: str,
        acquire_seconds: float = ACQUIRE_SECONDS,
    ) -> None:
        self._pool = pool
        self._url = url
        self._service = service
        self._acquire_seconds = acquire_seconds

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection; each statement commits by itself.

        Raises `TransientError` when no connection is free or the database does not answer within
        the deadline, and for whatever `is_transient` recognises in the body.
        """
        return Lent(self._pool, self._acquire_seconds)

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection inside a transaction, committed when the body ends well."""
        return LentTransaction(self._pool, self._acquire_seconds)

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Return all rows of one statement."""
        async with self.acquire() as connection:
            return await connection.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Return the first row of one statement, None without rows."""
        async with self.acquire() as connection:
            return await connection.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: object) -> Any:  # noqa: ANN401 - what the column holds
        """Return the first column of the first row, None without rows."""
        async with self.acquire() as connection:
            return await connection.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> str:
        """Run one statement and return its command tag, such as `UPDATE 1`."""
        async with self.acquire() as connection:
            return await connection.execute(sql, *arguments)

    def listen(self, channel: str, callback: Callback) -> AbstractAsyncContextManager[None]:
        """Call `callback(payload)` for each NOTIFY on `channel`, on a connection of its own.

        It reconnects for ever. After each connection it calls `callback("")`: what was notified in
        between is lost, so the receiver looks for itself.
        """
        return listening(self._url, self._service, channel, callback)

    async def close(self) -> None:
        """Wait a little for lent connections, then close all."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def create_pool(
    url: str,
    *,
    service: str,
    max_size: int = 5,
    acquire_seconds: float = ACQUIRE_SECONDS,
) -> Pool:
    """Make the pool of `service`; it connects when it is first used.

    Five connections for each of six services fit the smallest Azure server (35 connections).
    """
    pool: RawPool = await asyncpg.create_pool(
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=300,
        init=prepare,
        reset=_leave_as_it_is,
        **connect_options(url, service),
    )
    return Pool(pool, url=url, service=service, acquire_seconds=acquire_seconds)


async def _leave_as_it_is(connection: Connection) -> None:
    """Send nothing when a connection comes back; a transaction that is open was rolled back before.

    No statement of ours changes a session's state, so undoing it would be a round trip for nothing.
    """
    del connection
