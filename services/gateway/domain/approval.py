"""Four eyes: what one person asks for, another one allows, exactly as it was shown.

A request is bound to the digest of its plan. Whoever approves names the digest that they saw, and
what is done later must still have it: an estate that changed meanwhile asks for a new approval.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

LIFETIME: Final = timedelta(hours=24)


class Act(StrEnum):
    """What can be asked for; rotations wait at the rotator, not among these requests."""

    PURGE_DEAD_LETTERS = "purge-dead-letters"
    ROTATIONS = "rotations"


class Decision(StrEnum):
    """What somebody decided; the requester can only withdraw."""

    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class State(StrEnum):
    """Where a request is."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request and what became of it."""

    id: UUID
    act: Act
    plan: Mapping[str, Any]
    plan_hash: bytes
    reason: str
    requested_by: UUID
    requester: str
    requested_at: datetime
    expires_at: datetime
    decision: Decision | None = None
    decider: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    used_at: datetime | None = None


def hash_of(act: Act, plan: Mapping[str, Any]) -> bytes:
    """Return SHA-256 of the act and its plan as JSON with sorted keys, without spaces."""
    text = json.dumps([act, plan], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()


def state_of(approval: Approval, now: datetime) -> State:
    """Return where the request is now."""
    if approval.used_at is not None:
        return State.USED
    if approval.decision in {Decision.REJECTED, Decision.WITHDRAWN}:
        return State(approval.decision)
    if now >= approval.expires_at:
        return State.EXPIRED
    return State.PENDING if approval.decision is None else State.APPROVED


def refusal_to_decide(
    approval: Approval, decision: Decision, *, user_id: UUID, plan_hash: bytes, now: datetime
) -> str | None:
    """Return why this user does not decide so, as a sentence, or None."""
    state = state_of(approval, now)
    if state is not State.PENDING:
        return f"This request is {state} already."
    own = user_id == approval.requested_by
    if decision is Decision.WITHDRAWN:
        return None if own else "Only whoever asked withdraws a request; reject it instead."
    if own:
        return "Somebody else decides about your own request."
    if plan_hash != approval.plan_hash:
        return "This is not the plan that was asked for; read the request again."
    return None


def refusal_to_use(
    approval: Approval, act: Act, *, user_id: UUID, plan_hash: bytes, now: datetime
) -> str | None:
    """Return why what was asked for is not done under this approval, as a sentence, or None."""
    state = state_of(approval, now)
    if state is not State.APPROVED:
        return f"This request is {state}, not approved."
    if user_id != approval.requested_by:
        return "Whoever asked does what was approved."
    if act is not approval.act or plan_hash != approval.plan_hash:
        return "What would be done is no longer what was approved; ask again."
    return None
