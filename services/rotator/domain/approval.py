"""Four eyes: a plan is allowed by somebody else than whoever asked, and as it was shown."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.rotator.domain.rotation import Rotation, follow
from services.rotator.domain.state import Signal, State

LIFETIME: Final = timedelta(hours=24)


def is_allowed(rotation: Rotation, digest: str) -> bool:
    """Say whether a plan may be carried out."""
    return not rotation.approval_required or rotation.approved_hash == digest


def approve(
    rotation: Rotation,
    *,
    requester: str,
    approver: str,
    plan_hash: str | None,
    shown_at: datetime,
    now: datetime,
) -> Rotation | str:
    """Return the rotation as it goes on, or the sentence on why it does not."""
    if rotation.state is not State.AWAITING_APPROVAL:
        return "This rotation waits for nobody's approval."
    if approver == requester:
        return "Somebody else approves what you asked for."
    if plan_hash is None or plan_hash != rotation.plan_hash:
        return "This is not the plan as it is now; read it again."
    if now - shown_at >= LIFETIME:
        return "The plan is older than 24 hours; ask for the rotation again."
    return follow(replace(rotation, approved_hash=plan_hash), Signal.ADVANCE)
