"""Rotations that policies begin: every credential is looked at, and what is due begins once.

Nothing is remembered between two looks. The time is the database's, and the cause of a rotation is
unique there, so it is begun once whichever replica looks, and however often one starts anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from services.rotator.domain.lifetime import lifetime_of
from services.rotator.domain.outlook import Looked, Outlook, look, trigger
from services.rotator.domain.policy import Policy
from services.rotator.domain.timing import Timing
from services.rotator.store import outlooks, policies, rotations
from services.rotator.store.ledger import Outbox
from services.rotator.store.rotations import Asked
from shared.audit import Action, AuditEntry, record
from shared.database import Connection, Pool
from shared.events import RotationUpcoming
from shared.features import Feature, Features
from shared.telemetry import get_logger

logger = get_logger(__name__)

BATCH: Final = 100
"""Credentials in one transaction; they are judged while no other task of the process runs."""

_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Looks at what policies mean. `approval_required`: nothing is rotated without an approval.

    People are told of a rotation `notice` before it begins.
    """

    pool: Pool
    outbox: Outbox
    features: Features
    notice: timedelta
    approval_required: bool = False

    async def turn(self) -> int:
        """Look at every credential once and return how many rotations were begun."""
        begun, after = 0, _FIRST
        async with self.pool.acquire() as conn:
            await outlooks.forget_others(conn)
        while True:
            licensed = await self.features.allows(Feature.ROTATION)
            async with self.pool.transaction() as conn:
                if not await outlooks.try_lock(conn):
                    return begun
                found = await outlooks.list_looked(conn, after, BATCH)
                begun += await self._look(conn, found, licensed=licensed)
            if len(found) < BATCH:
                return begun
            after = found[-1].credential_id

    async def _look(self, conn: Connection, found: list[Looked], *, licensed: bool) -> int:
        rules, freezes = await policies.list_policies(conn), await policies.list_freezes(conn)
        now = await outlooks.get_time(conn)
        pairs = [(one, look(one, rules, freezes, now=now, licensed=licensed)) for one in found]
        await outlooks.save(conn, [(one.credential_id, outlook) for one, outlook in pairs])
        begun = 0
        for one, outlook in pairs:
            if outlook.policy and outlook.timing and one.key_id:
                await self._tell(conn, one, one.key_id, outlook, now)
                begun += outlook.begins and await self._begin(conn, one, one.key_id, outlook.policy)
        return begun

    async def _begin(self, conn: Connection, one: Looked, key_id: str, policy: Policy) -> bool:
        cause = trigger(policy, one.credential_id, key_id)
        asked = Asked(
            id=uuid5(one.credential_id, cause),
            credential_id=one.credential_id,
            trigger_key=cause,
            requested_by=f"policy:{policy.name}",
            approval_required=policy.requires_approval or self.approval_required,
            lifetime=lifetime_of(policy, policy.overlap, None).length,
            overlap=policy.overlap,
        )
        if not await rotations.add_rotation(conn, asked):
            return False
        await record(conn, _entry(asked, one))
        logger.info("rotation.begun_by_policy", policy=policy.name, rotation_id=str(asked.id))
        return True

    async def _tell(
        self, conn: Connection, one: Looked, key_id: str, outlook: Outlook, now: datetime
    ) -> None:
        if not outlook.is_told(now, self.notice) or outlook.timing is None:
            return
        word = outlook.timing.timeliness
        if await outlooks.claim_telling(conn, one.credential_id, key_id, word):
            await self.outbox.emit(_upcoming(one, outlook, outlook.timing), connection=conn)


def _upcoming(one: Looked, outlook: Outlook, timing: Timing) -> RotationUpcoming:
    return RotationUpcoming(
        credential_id=one.credential_id,
        credential=one.described.subject,
        policy=outlook.policy.name if outlook.policy else "",
        at=timing.at,
        ends_at=outlook.ends_at or timing.at,
        timeliness=timing.timeliness,
        warning=timing.warning,
    )


def _entry(asked: Asked, one: Looked) -> AuditEntry:
    subject = one.described.subject
    return AuditEntry(
        action=Action.ROTATION_REQUESTED,
        actor=asked.requested_by[:300],
        subject=str(asked.id),
        scope="policy",
        after=f"{subject.container}/{subject.name}"[:300],
    )
