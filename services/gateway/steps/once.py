"""Doing what a request asks for once, however often it is sent under one Idempotency-Key."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.store import requests
from shared.database import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A request that was accepted; `again` says that it had been before."""

    location: str
    answer: dict[str, Any]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key's digest (None: none was sent), and that of what was sent under it.

    The key itself is not kept: some clients send a token as one.
    """

    known: str | None
    digest: bytes


def key_of(text: str | None, *words: str) -> Key:
    """Return a key for a request that these words describe whole."""
    known = None if text is None else hashlib.sha256(text.encode()).hexdigest()
    return Key(known, hashlib.sha256("\n".join(words).encode()).digest())


async def once(
    conn: Connection,
    key: Key,
    *,
    user_id: UUID,
    at: datetime,
    act: Callable[[], Awaitable[Accepted]],
) -> Accepted:
    """Return what `act` returns, or what it returned under this key before.

    Both are in the caller's transaction: a crash leaves the act with its answer or neither, and a
    second request waits here for the first. Raises `ProblemError` when the key was used for another
    request.
    """
    if key.known is None:
        return await act()
    found = await requests.claim_key(conn, user_id, key.known, key.digest, at)
    if found is None:
        accepted = await act()
        where, answer = accepted.location, accepted.answer
        await requests.save_answer(conn, user_id, key.known, location=where, answer=answer)
        return accepted
    if found.request != key.digest or found.location is None:
        raise problem.key_reused()
    return Accepted(location=found.location, answer=found.answer, again=True)


async def once_or_again(
    pool: Pool,
    key: Key,
    *,
    user_id: UUID,
    at: datetime,
    act: Callable[[], Awaitable[Accepted]],
) -> Accepted:
    """Do what `once` does for an act that no transaction holds, and that does no harm twice.

    A crash in between leaves the key without an answer; the request is then done again. Raises
    `ProblemError` when the key was used for another request.
    """
    if key.known is None:
        return await act()
    async with pool.transaction() as conn:
        found = await requests.claim_key(conn, user_id, key.known, key.digest, at)
    if found is not None and found.request != key.digest:
        raise problem.key_reused()
    if found is not None and found.location is not None:
        return Accepted(location=found.location, answer=found.answer, again=True)
    accepted = await act()
    async with pool.transaction() as conn:
        where, answer = accepted.location, accepted.answer
        await requests.save_answer(conn, user_id, key.known, location=where, answer=answer)
    return accepted
