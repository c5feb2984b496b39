"""One-time tokens that make an administrator: they prove that whoever asks can read this machine.

While there is no administrator, each start makes a new token and keeps its SHA-256 only. (The token
is 256 random bits; a slow hash would protect nothing more.) An earlier token stops working then.
Later the command line makes one for whoever is locked out: break-glass.
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
from services.gateway.domain.role import Role
from services.gateway.domain.session import Carrier
from services.gateway.steps import audit_trail
from services.gateway.steps.new_password import unusable, weakness
from services.gateway.steps.people import WOKEN
from services.gateway.steps.sign_in import SignedIn, SignIn
from services.gateway.store import (
    api_tokens,
    limits,
    live_events,
    second_factors,
    sessions,
    setup,
    users,
)
from services.gateway.store.setup import SetupToken
from services.gateway.store.users import User
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
        kept = SetupToken(_hash(token), None)
        await setup.save_setup_token(conn, kept, at=now, expires_at=now + lifetime)
    return token


async def hand_over(token: str | None, file: Path) -> None:
    """Write the token where its reader looks, readable by the owner only; None removes it."""
    if token is None:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    else:
        await asyncio.to_thread(_write, file, token)


async def offer_break_glass(pool: Pool, username: str, *, lifetime: timedelta, clock: Clock) -> str:
    """Return a new one-time token that lets this user in as an administrator, whatever was before.

    It is recorded when it is made, not only when it is used.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    now = clock()
    async with pool.transaction() as conn:
        kept = SetupToken(_hash(token), username)
        await setup.save_setup_token(conn, kept, at=now, expires_at=now + lifetime)
        await audit_trail.break_glass_offered(conn, username)
    return token


async def redeem(
    sign_in: SignIn, token: str, username: str, password: str, *, carrier: Carrier, caller: Caller
) -> SignedIn:
    """Redeem a token: make an administrator of this name, with this password, and sign in.

    Raises `ProblemError` when the token is wrong, used, too old or somebody else's, or the password
    is too weak.
    """
    why = await weakness(sign_in.guesser, password, username)
    hashed = await sign_in.hasher.hash(passwords.normalise(password))
    async with sign_in.pool.transaction() as conn:
        kept = await setup.lock_setup_token(conn, sign_in.clock())
        if kept is None or not _fits(kept, token, username):
            await audit_trail.session_refused(conn, None, "the set-up token does not work", caller)
            made = None
        elif why is not None:
            raise unusable(why)
        else:
            user = await _administrator(conn, sign_in, kept, username, hashed, caller)
            await setup.delete_setup_token(conn)
            made = await sign_in.begin_session(conn, user, carrier=carrier, caller=caller)
    if made is None:
        raise problem.setup_refused()
    return made


def _fits(kept: SetupToken, token: str, username: str) -> bool:
    theirs = kept.username is None or kept.username.casefold() == username.casefold()
    return hmac.compare_digest(kept.hash, _hash(token)) and theirs


async def _administrator(
    conn: Connection,
    sign_in: SignIn,
    kept: SetupToken,
    username: str,
    hashed: str,
    caller: Caller,
) -> User:
    """Add the administrator; one who is there already is restored, by a break-glass code only."""
    known = await users.get_user(conn, username)
    if known is not None and kept.username is None:
        raise problem.name_taken(username)
    if known is not None:
        await _restore(conn, sign_in, known, hashed)
    else:
        await users.add_user(
            conn, username=username, role=Role.ADMIN, password_hash=hashed, at=sign_in.clock()
        )
    by = "break-glass code" if kept.username else "set-up token"
    await audit_trail.administrator_created(conn, username, by, caller)
    user = await users.get_user(conn, username)
    if user is None:
        raise problem.name_taken(username)
    return user


async def _restore(conn: Connection, sign_in: SignIn, user: User, hashed: str) -> None:
    """Undo all that may keep them out; what they had open elsewhere ends with it."""
    now = sign_in.clock()
    await users.restore_administrator(conn, user.id, hashed)
    await second_factors.remove_factor(conn, user.id)
    await sessions.revoke_sessions(conn, user.id, now)
    await api_tokens.revoke_api_tokens(conn, user.id, now)
    await limits.forget_account(conn, sign_in.account_of(user.username))
    await live_events.wake(conn, WOKEN)


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
