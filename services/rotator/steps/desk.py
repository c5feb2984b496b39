"""What people ask for: a rotation, a plan, an approval, a withdrawal, a pause."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.rotator.domain.approval import approve
from services.rotator.domain.quota import quota_of
from services.rotator.domain.rotation import Rotation
from services.rotator.domain.state import Signal, within_reach
from services.rotator.ports import Driver, Vault
from services.rotator.steps.preflight import examine
from services.rotator.store import by_hand, ledger, pauses, plans, rotations
from services.rotator.store.plans import Outcome
from services.rotator.store.rotations import Asked
from shared.audit import Action, AuditEntry, record
from shared.bus import Message
from shared.database import Connection, Pool
from shared.errors import CertifyCloudsError, PermanentError
from shared.events import (
    RotationChangeRequested,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationRequested,
)
from shared.events.rotation import PauseScope, RotationChange

_WANTED: Final[Mapping[RotationChange, Signal]] = {
    RotationChange.WITHDRAW: Signal.WITHDRAW,
    RotationChange.REJECT: Signal.WITHDRAW,
    RotationChange.ROLL_BACK: Signal.ROLL_BACK,
}


async def ask(conn: Connection, event: RotationRequested, *, unlimited: bool) -> None:
    """Begin a rotation, or keep the sentence on why it cannot begin.

    `unlimited`: the licence does not count what is asked for by hand. An emergency is counted and
    never refused: who knows that a credential leaked must not be kept from replacing it. Raises
    `PermanentError` for a credential that is not rotated here.
    """
    asked = Asked(
        id=event.rotation_id,
        credential_id=event.credential_id,
        trigger_key=f"request:{event.rotation_id}",
        requested_by=event.requested_by,
        emergency=event.emergency,
        approval_required=event.approval_required,
    )
    standing = await rotations.get_standing(conn, event.credential_id)
    if standing is None:
        raise PermanentError(
            f"“{event.credential.name}” of {event.credential.container} is not rotated here;"
            " confirm first which secrets hold it."
        )
    refusal = None if unlimited or event.emergency else await _beyond_quota(conn)
    if refusal is None and not await rotations.add_rotation(conn, asked):
        refusal = _NOT_BEGUN[standing]
    if refusal is not None:
        await rotations.add_refused(conn, asked, refusal)


async def _beyond_quota(conn: Connection) -> str | None:
    runs, now = await by_hand.lock_and_list(conn)
    return quota_of(runs, now, unlimited=False).refusal


_NOT_BEGUN: Final = {
    "active": "Another rotation of this credential is under way; wait for its end.",
    "quarantined": "The last rotation of this credential ended so that a person has to look first."
    " Read its reason, then confirm again which secrets hold the credential.",
    "released": "This credential is rotated no longer; confirm again which secrets hold it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Makes plans for those who ask."""

    pool: Pool
    drivers: Mapping[str, Driver]
    vault: Vault

    async def plan(self, event: RotationPlanRequested) -> Outcome:
        """Return a plan, or why there is none.

        Raises `PermanentError` for a credential that is not known.
        """
        async with self.pool.acquire() as conn:
            rotation = await plans.imagine(
                conn, event.plan_id, event.credential_id, emergency=event.emergency
            )
        if rotation is None:
            raise PermanentError("This credential is not rotated here, so there is no plan.")
        asked = Outcome(
            id=event.plan_id,
            credential_id=event.credential_id,
            emergency=event.emergency,
            requested_by=event.requested_by,
        )
        return await self._outcome(asked, rotation)

    async def _outcome(self, asked: Outcome, rotation: Rotation) -> Outcome:
        try:
            planned = await examine(rotation, self.drivers[rotation.driver], self.vault)
        except CertifyCloudsError as error:
            return replace(asked, failure=f"{error} {error.remedy}".strip())
        return replace(asked, digest=planned.digest, document=planned.document())


async def change(conn: Connection, event: RotationChangeRequested, message: Message) -> None:
    """Note what somebody wants of a rotation. Raises `PermanentError` for an approval refused."""
    if event.change is RotationChange.APPROVE:
        await _approve(conn, event, message)
    else:
        wanted = _WANTED[event.change]
        await rotations.want(conn, event.rotation_id, wanted, within_reach(wanted))


async def _approve(conn: Connection, event: RotationChangeRequested, message: Message) -> None:
    waiting = await rotations.lock_waiting(conn, event.rotation_id)
    if waiting is None:
        raise PermanentError(f"There is no rotation {event.rotation_id} to approve.")
    allowed = approve(
        await ledger.get(conn, event.rotation_id),
        requester=waiting.requested_by,
        approver=event.requested_by,
        plan_hash=event.plan_hash,
        shown_at=waiting.shown_at,
        now=waiting.now,
    )
    if isinstance(allowed, str):
        raise PermanentError(f"{allowed} The rotation {event.rotation_id} was not approved.")
    await rotations.save_approval(conn, allowed, event.requested_by)
    await record(
        conn,
        AuditEntry(
            action=Action.APPROVAL_GIVEN,
            actor=event.requested_by,
            subject=str(event.rotation_id),
            correlation_id=message.correlation_id,
            reason=event.reason[:500] or None,
        ),
    )


async def pause(conn: Connection, event: RotationPauseRequested, message: Message) -> None:
    """Hold what the scope names, or let it go. Raises `PermanentError` for half a scope."""
    scope, target = event.scope, event.target.lower()
    if (scope is PauseScope.EVERYTHING) == bool(target):
        raise PermanentError("Name a subscription or a credential to pause, or everything.")
    if event.paused:
        changed = await pauses.pause(
            conn,
            message.id,
            scope,
            target,
            paused_by=event.requested_by,
            reason=event.reason,
            asked_at=message.time,
        )
    else:
        changed = await pauses.resume(conn, scope, target, asked_at=message.time)
    if changed:
        await record(conn, _switched(event, message))


def _switched(event: RotationPauseRequested, message: Message) -> AuditEntry:
    return AuditEntry(
        action=Action.ROTATION_PAUSED if event.paused else Action.ROTATION_RESUMED,
        actor=event.requested_by,
        subject=event.target or event.scope,
        scope=event.scope,
        correlation_id=message.correlation_id,
        reason=event.reason[:500] or None,
    )
