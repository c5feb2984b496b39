"""A process falls asleep, another one takes its rotation over, and then the first one wakes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.rotator.domain.state import State
from services.rotator.store.lease import EFFECT_SECONDS
from tests.support.saga.harness import Process, Scene, process, run, scene
from tests.support.saga.promises import OLD

EFFECTS: Final = frozenset({"before make", "before publish", "before remove"})
"""Where nothing comes between a process and an effect any more: it has been fenced already."""

_LATE: Final = frozenset({State.RETIRING, State.SWEEPING, State.COMPLETED})


class Sleep(StrEnum):
    """How long a process may sleep right before an effect."""

    QUARANTINED = "as long as an effect may take; then the effect's deadline has passed"
    WITHIN_THE_OVERLAP = "until the overlap is over"
    ENDLESS = "for ever"


@dataclass(slots=True)
class TakenOver:
    """What came of it."""

    scene: Scene
    slept_at: str
    other_ended: bool
    state: State
    """Where the other process had brought the rotation when the first one woke."""

    @property
    def is_late(self) -> bool:
        """Say whether the sleeper woke into an effect after the old credential began to go."""
        return self.slept_at in EFFECTS and self.state in _LATE


def taken_over(
    asleep_at: int, awake_after: int, sleep: Sleep, start: Scene | None = None
) -> TakenOver:
    """Let a process sleep at a checkpoint until another one has passed so many, then both go on."""
    world = start or scene()
    sleeper = process(world)
    run(world, sleeper, asleep_at)
    slept_at, since = sleeper.stands_at, world.world.now
    other = process(world)
    passed = run(world, other, awake_after)
    ended, state = passed < awake_after, world.rotation.state
    if _may_wake(sleep, slept_at, world.world.now - since, state):
        finish(sleeper)
    else:
        sleeper.kill()
    run(world, other)
    return TakenOver(world, slept_at, ended, state)


def _may_wake(sleep: Sleep, slept_at: str, seconds: float, state: State) -> bool:
    if slept_at not in EFFECTS or sleep is Sleep.ENDLESS:
        return True
    if sleep is Sleep.QUARANTINED:
        return seconds <= EFFECT_SECONDS
    return state not in _LATE


def finish(sleeper: Process) -> None:
    """Let a process come to the end of its turn: its next word with the ledger is fenced."""
    while sleeper.running is not None:
        sleeper.step()


def beyond_healing(taken: TakenOver) -> list[str]:
    """Return what a janitor could not put right afterwards.

    It publishes the recorded credential again where a place holds another one, and removes what
    carries the rotation's marker. So the recorded one must be alive, and a version must hold it.
    """
    world, current = taken.scene.world, taken.scene.book.current or OLD
    found = [] if world.alive(current) else ["the recorded credential was removed"]
    return found + [
        f"no version of {name} holds the recorded credential"
        for name, held in world.places.items()
        if not any(each.value == f"value of {current}" for each in held)
    ]
