"""A policy or a freeze is set, or taken back: its row and its audit entry.

It was looked at before it was asked for, so what is refused here met another change on its way.
"""

from datetime import timedelta

from services.rotator.domain.freeze import Freeze
from services.rotator.domain.instants import written
from services.rotator.domain.policy import Policy
from services.rotator.domain.window import Window
from services.rotator.store import policies
from shared.audit import Action, AuditEntry, record
from shared.bus import Message
from shared.cron import Recurrence
from shared.database import Connection
from shared.errors import PermanentError
from shared.events import RotationFreezeChangeRequested, RotationPolicyChangeRequested


async def change_policy(
    conn: Connection, event: RotationPolicyChangeRequested, message: Message
) -> None:
    """Store or remove a policy. Raises `PermanentError` for one that cannot be."""
    policy = None if event.removed else _policy(event)
    if not await policies.note_change(conn, event.policy_id, message):
        return
    if policy is None:
        name = await policies.delete_policy(conn, event.policy_id)
        after = None
    elif await policies.save_policy(conn, policy, event.requested_by):
        name, after = policy.name, _in_short(policy)
    else:
        raise PermanentError(
            f"The policy was not stored: another one is called “{policy.name}”. Choose another"
            " name, or change that one."
        )
    await record(
        conn,
        AuditEntry(
            action=Action.ROTATION_POLICY_REMOVED
            if event.removed
            else Action.ROTATION_POLICY_CHANGED,
            actor=event.requested_by,
            subject=str(event.policy_id),
            scope=name,
            correlation_id=message.correlation_id,
            after=after,
        ),
    )


async def change_freeze(
    conn: Connection, event: RotationFreezeChangeRequested, message: Message
) -> None:
    """Store or remove a freeze. Raises `PermanentError` for one that cannot be."""
    freeze = None if event.removed else _freeze(event)
    if not await policies.note_change(conn, event.freeze_id, message):
        return
    if freeze is None:
        await policies.delete_freeze(conn, event.freeze_id)
    else:
        await policies.save_freeze(conn, event.freeze_id, freeze, event.requested_by)
    await record(
        conn,
        AuditEntry(
            action=Action.ROTATION_FREEZE_ADDED if freeze else Action.ROTATION_FREEZE_REMOVED,
            actor=event.requested_by,
            subject=str(event.freeze_id),
            correlation_id=message.correlation_id,
            reason=freeze.reason if freeze else None,
            after=f"{written(freeze.starts_at)} to {written(freeze.ends_at)}" if freeze else None,
        ),
    )


def _policy(event: RotationPolicyChangeRequested) -> Policy:
    lead = event.rotate_before_days
    try:
        return Policy(
            id=event.policy_id,
            name=event.name,
            selector=event.selector,
            priority=event.priority,
            rotate_before=None if lead is None else timedelta(days=lead),
            lifetime=timedelta(days=event.lifetime_days),
            overlap=timedelta(seconds=event.overlap_seconds),
            windows=tuple(
                Window(
                    opens=Recurrence(each.opens, each.time_zone),
                    lasts=timedelta(minutes=each.lasts_minutes),
                )
                for each in event.windows
            ),
            requires_approval=event.requires_approval,
            enabled=event.enabled,
        )
    except (ValueError, OverflowError) as error:
        raise PermanentError(f"The policy “{event.name}” was not stored. {error}") from None


def _freeze(event: RotationFreezeChangeRequested) -> Freeze:
    if event.starts_at is None or event.ends_at is None:
        raise PermanentError("The freeze was not stored: say when it starts and when it ends.")
    try:
        return Freeze(starts_at=event.starts_at, ends_at=event.ends_at, reason=event.reason)
    except ValueError as error:
        raise PermanentError(f"The freeze was not stored. {error}") from None


def _in_short(policy: Policy) -> str:
    """Return what a policy does, as short as an audit entry wants it."""
    standing = "enabled" if policy.enabled else "disabled"
    text = f"{standing}, priority {policy.priority}, {policy.lead.days} d before: {policy.selector}"
    return text[:300]
