"""Rotations as people see them: what can still be done about one, and what is refused at once.

The rotator decides about all of it again when a request arrives; a refusal here spares people the
wait. States are compared as texts: a state that a newer rotator adds is none of these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

PLAN_LIFETIME: Final = timedelta(hours=24)
LONGEST_OVERLAP_SECONDS: Final = 90 * 86_400
DAY_SECONDS: Final = 86_400


class State(StrEnum):
    """Where a rotation is, in the rotator's words (`rotator.v_rotation`)."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    PREFLIGHT = "preflight"
    CREATING = "creating"
    CREATED = "created"
    VERIFIED = "verified"
    PUBLISHED = "published"
    SYNCING = "syncing"
    OVERLAP = "overlap"
    RETIRING = "retiring"
    SWEEPING = "sweeping"
    ROLLING_BACK = "rolling_back"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    CONFLICT = "conflict"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class Way(StrEnum):
    """Which way leads out of a rotation that somebody regrets."""

    ROLL_BACK = "rollback"
    ROLL_FORWARD = "roll_forward"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Recourse:
    """The way out, and what to do, as a sentence."""

    kind: Way
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What decides whether something can be asked of a rotation.

    `shown_at` is when its state changed last; `stopped_in` the state before its last one.
    """

    state: str
    can_roll_back: bool
    requested_by: str
    plan_hash: str | None
    shown_at: datetime
    stopped_in: str | None = None


_EARLY: Final = frozenset(
    {State.REQUESTED, State.AWAITING_APPROVAL, State.SCHEDULED, State.PREFLIGHT}
)
_LATE: Final = frozenset({State.RETIRING, State.SWEEPING})
_STOPPED: Final = frozenset({State.FAILED, State.CONFLICT})
_FORWARD: Final = (
    "The old credential is removed, or being removed, and nobody can have it back: if the new one"
    " is no good, ask for an emergency rotation, which makes another one."
)
_UNKNOWN: Final = "This gateway does not know the rotation's state; read its reason, and update."
_NOTHING: Final[Mapping[str, str]] = {
    State.ROLLING_BACK: "The old credential is being put back already.",
    State.ROLLED_BACK: "The old credential is in use again; ask for a new rotation when you like.",
    State.ABANDONED: "Nothing was changed, so there is nothing to take back.",
}


def recourse(rotation: Rotation) -> Recourse:
    """Return what applies now.

    Until RETIRING begins the old credential works and can be had back; from then on only an
    emergency rotation leads further. A rotation that stopped in between may have removed it.
    """
    state = rotation.state
    if rotation.can_roll_back:
        return Recourse(
            Way.ROLL_BACK,
            "The old credential still works and can be had back (roll-back) until it is removed.",
        )
    if state in _LATE or state == State.COMPLETED:
        return Recourse(Way.ROLL_FORWARD, _FORWARD)
    if state in _STOPPED and rotation.stopped_in in _LATE:
        return Recourse(Way.ROLL_FORWARD, _FORWARD)
    if state in _STOPPED:
        return Recourse(
            Way.NONE,
            "It stopped before the old credential was removed, so both work: read the reason, put"
            " it right, then confirm again which secrets hold the credential.",
        )
    if state in _EARLY:
        return Recourse(Way.NONE, "Nothing was changed yet; whoever asked can withdraw it.")
    return Recourse(Way.NONE, _NOTHING.get(state, _UNKNOWN))


def refusal_to_approve(rotation: Rotation, *, by: str, plan_hash: str, now: datetime) -> str | None:
    """Return why this person does not approve this plan, as a sentence, or None."""
    if rotation.state != State.AWAITING_APPROVAL:
        return "This rotation waits for nobody's approval."
    if by == rotation.requested_by:
        return "Somebody else approves what you asked for."
    if plan_hash != rotation.plan_hash:
        return "This is not the plan that waits; look at the rotation and its plan again."
    if now - rotation.shown_at >= PLAN_LIFETIME:
        return "The plan is older than 24 hours; withdraw the rotation and ask for it again."
    return None


def refusal_to_reject(rotation: Rotation, *, by: str) -> str | None:
    """Return why this person does not reject it, as a sentence, or None."""
    if rotation.state != State.AWAITING_APPROVAL:
        return "This rotation waits for nobody's approval."
    if by == rotation.requested_by:
        return "Somebody else decides about what you asked for; withdraw it instead."
    return None


def refusal_to_withdraw(rotation: Rotation, *, by: str) -> str | None:
    """Return why this person does not take it back, as a sentence, or None."""
    if by != rotation.requested_by:
        return "Only whoever asked withdraws a rotation; reject it, or pause its credential."
    if rotation.state in _EARLY:
        return None
    return f"It has begun and cannot be withdrawn. {recourse(rotation).sentence}"


def refusal_to_roll_back(rotation: Rotation) -> str | None:
    """Return why the old credential is not put back, as a sentence, or None."""
    return None if rotation.can_roll_back else recourse(rotation).sentence


_NOT_BEGUN: Final = {
    "quarantined": "Its last rotation ended so that a person has to look first: read its reason,"
    " then confirm again which secrets hold the credential.",
    "released": "It is rotated no longer; confirm again which secrets hold the credential.",
}


def refusal_to_begin(credential_state: str, *, rotating: bool) -> str | None:
    """Return why no rotation of a credential begins now, as a sentence, or None."""
    if rotating:
        return "A rotation of this credential is under way; wait for its end."
    return _NOT_BEGUN.get(credential_state)


def refusal_of_spans(lifetime_days: int, overlap_seconds: int, *, floor: int) -> str | None:
    """Return why a credential cannot live and overlap so long, as a sentence, or None."""
    if overlap_seconds < floor:
        return (
            f"It must be at least {floor} seconds (ROTATION_OVERLAP_FLOOR_SECONDS): whoever still"
            " holds the old credential needs time to fetch the new one."
        )
    if lifetime_days * DAY_SECONDS <= overlap_seconds:
        return "It must be shorter than the lifetime of a new credential."
    return None
