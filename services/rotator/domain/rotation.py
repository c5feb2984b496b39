"""A rotation: which credential, which places, how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.rotator.domain.marker import Marker
from services.rotator.domain.state import NEXT, TERMINAL, Signal, State, advance
from shared.events.items import CredentialRef

MAX_ATTEMPTS: Final = 4
"""An application has room for few credentials, and each lost attempt takes one of them."""

CONFIRMATIONS: Final = 3
"""Token requests that must succeed one after the other: replicas of Entra learn one by one."""


_ASKED: Final = {
    Signal.ROLL_BACK: "Somebody asked for the old credential back.",
    Signal.WITHDRAW: "Somebody withdrew it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A secret in a vault that holds the credential's value; versions are those of the vault."""

    id: UUID
    vault_url: str
    name: str
    reference: CredentialRef
    base_version: str | None = None
    new_version: str | None = None
    reverted_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One replacement of one credential.

    `before` are the ids of the credentials that the target had when the present attempt was
    intended. `overlap` runs from publication to `not_before`; `lifetime` is that of the new
    credential. `tries` counts what failed in this state and may be tried again, `confirmations`
    successful tests in a row, `polls` those that failed, or looks at copies that may still hold
    what was rolled back. `wanted` is what a person asked for meanwhile, ROLL_BACK or WITHDRAW.
    `plan` is the one that was made last, as JSON with its digest beside it; `approved_hash` is the
    digest of the one that somebody allowed.
    """

    id: UUID
    credential_id: UUID
    driver: str
    target: str
    subject: CredentialRef
    state: State
    places: tuple[Place, ...]
    overlap: timedelta
    lifetime: timedelta
    old_key_id: str | None = None
    new_key_id: str | None = None
    attempt: int = 0
    before: tuple[str, ...] = ()
    tries: int = 0
    polls: int = 0
    confirmations: int = 0
    not_before: datetime | None = None
    reason: str | None = None
    wanted: Signal | None = None
    emergency: bool = False
    approval_required: bool = False
    plan: Mapping[str, Any] | None = None
    plan_hash: str | None = None
    approved_hash: str | None = None

    @property
    def marker(self) -> Marker:
        """What the present attempt's credential is called."""
        return Marker(self.id, self.attempt)

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL


def follow(rotation: Rotation, signal: Signal, reason: str | None = None) -> Rotation:
    """Return the rotation in the state that follows, with the counters of a new state.

    Why it waited in the state before is not true any more; a finished rotation stays as it is.
    """
    if rotation.is_over:
        return rotation
    state = advance(rotation.state, signal)
    return replace(rotation, state=state, tries=0, polls=0, confirmations=0, reason=reason)


def heed(rotation: Rotation) -> Rotation | None:
    """Return the rotation in the state that a person asked for, or None if none follows."""
    wanted = rotation.wanted
    if wanted is None or wanted not in NEXT.get(rotation.state, {}):
        return None
    return replace(follow(rotation, wanted, _ASKED.get(wanted)), wanted=None)


def answer(before: Rotation, after: Rotation, wanted: Signal | None) -> Rotation:
    """Return what a ledger writes when a person may have asked for something during the step.

    `before` is what the step began with, `after` what came of it, `wanted` what is asked for by
    now. A wish stays until it is heeded. Where `after` would be too late for it, it is heeded in
    place of the step: one that leads out of a wish's reach has only looked.
    """
    if before.wanted is not None and after.wanted is None:
        return after
    too_late = wanted is not None and not after.is_over and wanted not in NEXT[after.state]
    heeded = heed(replace(before, wanted=wanted)) if too_late else None
    return heeded or (after if after.wanted is wanted else replace(after, wanted=wanted))


def intend(rotation: Rotation, before: Sequence[str]) -> Rotation:
    """Return the rotation with the intent to make one more credential."""
    return replace(rotation, attempt=rotation.attempt + 1, before=tuple(before), new_key_id=None)


def unspent(rotation: Rotation) -> Rotation:
    """Return the rotation without its last intent, which certainly had no effect."""
    return replace(rotation, attempt=rotation.attempt - 1)


def with_place(rotation: Rotation, place: Place) -> Rotation:
    """Return the rotation with one place replaced by what is known of it now."""
    places = tuple(place if each.id == place.id else each for each in rotation.places)
    return replace(rotation, places=places)


def stamp(before: Rotation, after: Rotation, now: datetime) -> Rotation:
    """Return `after` with the end of its overlap if the overlap begins now."""
    return replace(after, not_before=now + after.overlap) if _begins(before, after) else after


def _begins(before: Rotation, after: Rotation) -> bool:
    """Say whether the last place was written just now, or the last copy of one."""
    wrote = _written(before) != _written(after)
    match after.state:
        case State.PUBLISHED:
            return wrote or before.state is not State.PUBLISHED
        case State.OVERLAP:
            return before.state is State.SYNCING
        case State.ROLLING_BACK:
            return wrote or after.not_before is None
        case _:
            return False


def _written(rotation: Rotation) -> list[tuple[str | None, str | None]]:
    return [(place.new_version, place.reverted_version) for place in rotation.places]
