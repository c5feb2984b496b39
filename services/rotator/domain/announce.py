"""Which events follow from a rotation's next state; pure, so that every ledger tells the same."""

from collections.abc import Iterator
from datetime import datetime

from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import State
from shared.events import (
    Event,
    RotationCompleted,
    RotationFailed,
    RotationPublished,
    RotationStep,
)

STOPPED = frozenset({State.ABANDONED, State.CONFLICT, State.FAILED})


def announce(before: Rotation, after: Rotation, now: datetime) -> list[Event]:
    """Return what others are told when `after` is recorded in place of `before`."""
    moved = before.state is not after.state
    return [*_published(before, after), *(_moved(before, after, now) if moved else ())]


def _moved(before: Rotation, after: Rotation, now: datetime) -> Iterator[Event]:
    named = {"rotation_id": after.id, "credential": after.subject}
    yield RotationStep(**named, state=after.state, previous_state=before.state, at=now)
    if after.state is State.COMPLETED:
        yield RotationCompleted(**named, completed_at=now)
    if after.state in STOPPED:
        yield RotationFailed(**named, state=before.state, reason=after.reason or "")


def _published(before: Rotation, after: Rotation) -> Iterator[Event]:
    """Tell of each place whose newest version is another one now, once all places are written."""
    if after.state not in {State.PUBLISHED, State.ROLLING_BACK} or after.not_before is None:
        return
    first = before.state is State.VERIFIED
    known = {place.id: _newest(place) for place in before.places}
    for place in after.places:
        version = _newest(place)
        if version and (first or version != known[place.id]):
            yield RotationPublished(
                rotation_id=after.id,
                credential=place.reference,
                version=version,
                overlap_ends_at=after.not_before,
            )


def _newest(place: Place) -> str | None:
    return place.reverted_version or place.new_version
