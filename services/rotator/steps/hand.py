"""The values that this process holds between making a credential and publishing it."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from services.rotator.domain.rotation import Rotation
from services.rotator.ports import Made

LONGEST_SECONDS: Final = 600.0
"""Enough for the longest verification (270 s and the confirmations) and one throttled write."""


class Hand:
    """New credentials by rotation, in memory only, each for a limited time.

    `monotonic` counts seconds from any point.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._held: dict[UUID, tuple[int, float, Made]] = {}

    def hold(self, rotation: Rotation, made: Made) -> None:
        """Keep the credential that the rotation's present attempt made."""
        self._held[rotation.id] = (rotation.attempt, self._monotonic(), made)

    def get(self, rotation: Rotation) -> Made | None:
        """Return the present attempt's credential; None if another process made it, or long ago."""
        attempt, since, made = self._held.get(rotation.id, (0, 0.0, None))
        if made is None or attempt != rotation.attempt:
            return None
        if self._monotonic() - since > LONGEST_SECONDS:
            self.drop(rotation.id)
            return None
        return made

    def drop(self, rotation_id: UUID) -> None:
        """Forget a value."""
        self._held.pop(rotation_id, None)
