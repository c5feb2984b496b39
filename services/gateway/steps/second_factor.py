"""Adding a second factor, asking for it, and going without it again.

A device counts once a first code has proved that it has the secret. Each code is good once, also
for two who send it at the same moment: its time step, or its row, is used up in the transaction
that lets somebody in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.second_factor import (
    Outcome,
    is_from_device,
    new_recovery_codes,
    plain,
)
from services.gateway.domain.session import Session, is_fresh
from services.gateway.ports import OneTimeCodes
from services.gateway.steps import audit_trail
from services.gateway.steps.living_keys import LivingKeys
from services.gateway.store import second_factors
from shared.audit import Action
from shared.clock import Clock
from shared.crypto import DataKey
from shared.database import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A new secret, as text for typing and as an address for a QR code; shown once."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """Everybody's second factor."""

    pool: Pool
    codes: OneTimeCodes
    secrets: LivingKeys
    fingerprints: DataKey
    clock: Clock

    async def ask(self, conn: Connection, user_id: UUID, code: str | None) -> Outcome:
        """Judge a code, and use it up if it is right."""
        stored = await second_factors.get_factor(conn, user_id)
        if stored is None or not stored.confirmed:
            return Outcome.NOT_SET
        if not code:
            return Outcome.MISSING
        right = await self._use(conn, user_id, stored.secret, plain(code))
        return Outcome.RIGHT if right else Outcome.WRONG

    async def begin(self, session: Session) -> Offer:
        """Return a new secret; it counts after `confirm`. Raises `ProblemError`."""
        self._ask_for_freshness(session)
        secret = self.codes.new_secret()
        place = _place(session.user_id)
        async with self.pool.transaction() as conn:
            stored = await self.secrets.encrypt(conn, secret.encode(), place=place)
            if not await second_factors.begin_factor(conn, session.user_id, stored, self.clock()):
                raise problem.has_second_factor()
        return Offer(secret=secret, address=self.codes.address(secret, session.username))

    async def confirm(self, session: Session, code: str, caller: Caller) -> Sequence[str]:
        """Let the factor count from now on; return its recovery codes, which are shown once."""
        async with self.pool.transaction() as conn:
            stored = await second_factors.get_factor(conn, session.user_id)
            if stored is None or stored.confirmed:
                raise problem.no_offer()
            if not await self._use(conn, session.user_id, stored.secret, plain(code)):
                raise problem.wrong_code()
            await second_factors.confirm_factor(conn, session.user_id, self.clock())
            await audit_trail.act(
                conn, session, Action.SECOND_FACTOR_ADDED, session.username, caller
            )
            return await self._new_codes(conn, session.user_id)

    async def renew_codes(self, session: Session, caller: Caller) -> Sequence[str]:
        """Return new recovery codes; the earlier ones stop working."""
        self._ask_for_freshness(session)
        async with self.pool.transaction() as conn:
            stored = await second_factors.get_factor(conn, session.user_id)
            if stored is None or not stored.confirmed:
                raise problem.not_found("second factor")
            await audit_trail.act(
                conn, session, Action.RECOVERY_CODES_RENEWED, session.username, caller
            )
            return await self._new_codes(conn, session.user_id)

    async def remove(self, session: Session, caller: Caller) -> None:
        """Go without a second factor again."""
        self._ask_for_freshness(session)
        async with self.pool.transaction() as conn:
            if not await second_factors.remove_factor(conn, session.user_id):
                raise problem.not_found("second factor")
            await audit_trail.act(
                conn, session, Action.SECOND_FACTOR_REMOVED, session.username, caller
            )

    async def _use(self, conn: Connection, user_id: UUID, stored: str, code: str) -> bool:
        if not is_from_device(code):
            hash_ = self._hash(user_id, code)
            return await second_factors.use_code(conn, user_id, hash_, self.clock())
        secret = await self.secrets.decrypt(conn, stored, place=_place(user_id))
        step = self.codes.step_of(secret.decode(), code, self.clock())
        return step is not None and await second_factors.use_step(conn, user_id, step)

    async def _new_codes(self, conn: Connection, user_id: UUID) -> Sequence[str]:
        codes = new_recovery_codes()
        hashes = [self._hash(user_id, plain(code)) for code in codes]
        await second_factors.replace_codes(conn, user_id, hashes)
        return codes

    def _hash(self, user_id: UUID, code: str) -> bytes:
        return self.fingerprints.fingerprint(f"recovery/{user_id}/{code}")

    def _ask_for_freshness(self, session: Session) -> None:
        if not is_fresh(session, self.clock()):
            raise problem.confirm_first()


def _place(user_id: UUID) -> str:
    return f"gateway.second_factor/{user_id}"
