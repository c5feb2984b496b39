"""A turn of the permission doctor: one replica looks, writes what it found, and says it loudly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from services.scanner.domain.permission_judge import Verdict
from services.scanner.domain.permission_row import State
from services.scanner.ports import Outbox
from services.scanner.steps.doctor import Doctor
from services.scanner.store import permissions
from services.scanner.store.permissions import Last, Turn
from shared.audit import Action, AuditEntry, record
from shared.database import Connection, Pool
from shared.events import PermissionChanged
from shared.events.permissions import Answer
from shared.health import Check, Status
from shared.telemetry import get_logger

logger = get_logger(__name__)

EVERY_HOURS: Final = 24.0
LEASE_SECONDS: Final = 120.0
_RENEWALS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """Looks when it is due. `every_hours` of 0 means: only when somebody asks."""

    pool: Pool
    outbox: Outbox
    doctor: Doctor
    every_hours: float = EVERY_HOURS
    after_scan: bool = False
    lease_seconds: float = LEASE_SECONDS

    async def turn(self) -> bool:
        """Do a check if one is due here; return whether its result was written.

        Nothing is written before the end: a crash leaves the last result with its time, and the
        lease runs out.
        """
        async with self.pool.transaction() as conn:
            turn = await permissions.claim_turn(
                conn,
                uuid4(),
                every_hours=self.every_hours,
                after_scan=self.after_scan,
                lease_seconds=self.lease_seconds,
            )
        if turn is None:
            return False
        async with self._held(turn):
            examined = await self.doctor.examine()
        async with self.pool.transaction() as conn:
            if not await permissions.end_turn(conn, turn.id):
                return False
            last = await permissions.get_last(conn)
            await permissions.save_check(conn, turn, examined.identity, examined.verdict)
            if last is None or last.could_read_values is not examined.verdict.could_read_values:
                await self._announce(conn, turn, last, examined.verdict)
        _say(examined.verdict)
        return True

    @asynccontextmanager
    async def _held(self, turn: Turn) -> AsyncIterator[None]:
        """Keep the lease while the doctor looks; when it is lost, the end finds out."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self.lease_seconds / _RENEWALS)
                await permissions.renew_turn(self.pool, turn.id, lease_seconds=self.lease_seconds)

        renewing = asyncio.create_task(renew(), name="permission lease")
        try:
            yield
        except BaseException:
            # Whoever comes next need not wait for the lease to run out.
            async with self.pool.acquire() as conn:
                await permissions.end_turn(conn, turn.id)
            raise
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _announce(
        self, conn: Connection, turn: Turn, last: Last | None, verdict: Verdict
    ) -> None:
        entry = AuditEntry(
            action=Action.PERMISSION_CHANGED,
            actor=turn.requested_by,
            subject=str(turn.id),
            before=last.could_read_values.value if last else None,
            after=verdict.could_read_values.value,
            amount=verdict.count(State.EXCESS),
        )
        await record(conn, entry)
        event = PermissionChanged(
            check_id=turn.id,
            could_read_values=verdict.could_read_values,
            before=last.could_read_values if last else None,
            excess=verdict.count(State.EXCESS),
            missing=verdict.count(State.MISSING),
            unknown=verdict.count(State.UNKNOWN),
        )
        await self.outbox.emit(event, connection=conn)


def _say(verdict: Verdict) -> None:
    counts = {state.value: verdict.count(state) for state in State}
    if verdict.could_read_values is Answer.YES:
        vaults = [v.name for v in verdict.vaults if v.could_read_values is Answer.YES]
        logger.warning(
            "THE IDENTITY THAT DISCOVERS COULD READ VALUES: certifyclouds doctor says which"
            " permission to take away",
            vaults=len(vaults),
            first=vaults[0],
            **counts,
        )
    else:
        answer = verdict.could_read_values.value
        logger.info("permissions checked", could_read_values=answer, **counts)


async def look_at_permissions(pool: Pool) -> Check:
    """Say in the service's health what the last check came to."""
    last = await permissions.get_last(pool)
    if last is None:
        return Check(Status.OK, "the permissions have not been checked yet")
    told = f"{last.excess} excess, {last.missing} missing, {last.unknown} unknown"
    if last.could_read_values is Answer.YES:
        return Check(
            Status.DEGRADED,
            f"the identity COULD READ VALUES ({told}): certifyclouds doctor says what to do",
        )
    values = {
        Answer.NO: "it could read no value",
        Answer.UNKNOWN: "if it could read values is unknown",
    }
    return Check(Status.OK, f"{values[last.could_read_values]} ({told})")
