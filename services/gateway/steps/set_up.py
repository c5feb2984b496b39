"""The first administrator: a one-time token proves that whoever asks can read this machine.

While there is no administrator, each start makes a new token and keeps its SHA-256 only. (The token
is 256 random bits; a slow hash would protect nothing more.) An earlier token stops working then.
"""

import asyncio
import hashlib
import hmac
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Final

from services.gateway.domain import password as passwords
from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.problem import FieldError, ProblemError
from services.gateway.domain.role import Role
from services.gateway.domain.session import Carrier
from services.gateway.steps import audit_trail
from services.gateway.steps.sign_in import SignedIn, SignIn
from services.gateway.store import setup, users
from shared.clock import Clock
from shared.database import Connection, Pool

PREFIX: Final = "ccs_"


async def offer_setup_token(pool: Pool, *, lifetime: timedelta, clock: Clock) -> str | None:
    """Return a new one-time token, or None when there is an administrator already."""
    token = PREFIX + secrets.token_urlsafe(32)
    now = clock()
    async with pool.transaction() as conn:
        if await users.has_administrator(conn):
            return None
        await setup.save_setup_token(conn, _hash(token), at=now, expires_at=now + lifetime)
    return token


async def hand_over(token: str | None, file: Path) -> None:
    """Write the token where its reader looks, readable by the owner only; None removes it."""
    if token is None:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    else:
        await asyncio.to_thread(_write, file, token)


async def create_administrator(
    sign_in: SignIn, token: str, username: str, password: str, *, carrier: Carrier, caller: Caller
) -> SignedIn:
    """Redeem the token: add the first administrator and sign in.

    Raises `ProblemError` when the token is wrong, used or too old, or the password is too weak.
    """
    hashed = await sign_in.hasher.hash(passwords.normalise(password))
    async with sign_in.pool.transaction() as conn:
        expected = await setup.lock_setup_token(conn, sign_in.clock())
        if expected is None or not hmac.compare_digest(expected, _hash(token)):
            await audit_trail.session_refused(conn, None, "the set-up token does not work", caller)
            created = None
        else:
            if why := passwords.refusal(password, context=(username,)):
                raise _weak(why)
            created = await _create(conn, sign_in, username, hashed, carrier=carrier, caller=caller)
    if created is None:
        raise problem.setup_refused()
    return created


async def _create(
    conn: Connection,
    sign_in: SignIn,
    username: str,
    hashed: str,
    *,
    carrier: Carrier,
    caller: Caller,
) -> SignedIn:
    added = await users.add_user(
        conn, username=username, role=Role.ADMIN, password_hash=hashed, at=sign_in.clock()
    )
    user = await users.get_user(conn, username)
    if added is None or user is None:
        raise problem.name_taken(username)
    await setup.delete_setup_token(conn)
    await audit_trail.administrator_created(conn, username, caller)
    return await sign_in.begin_session(conn, user, carrier=carrier, caller=caller)


def _weak(why: str) -> ProblemError:
    return problem.invalid(why, (FieldError(pointer="/body/password", detail=why),))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _write(file: Path, token: str) -> None:
    """Write the whole file or none of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(token + "\n")
    draft.replace(file)
