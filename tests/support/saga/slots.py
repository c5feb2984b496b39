"""A target with two keys that are made anew one at a time and can be read again, like an account's.

Its keys carry no marker: what an attempt made is told from what was there before by the ids alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from services.rotator.domain.marker import Marker
from services.rotator.domain.standing import Capabilities, Held, Standing
from services.rotator.ports import Made
from shared.secret_value import SecretValue
from tests.support.saga.checkpoint import around
from tests.support.saga.memory import WorldDriver
from tests.support.saga.world import World

SPARE = 1


@dataclass
class WorldSlots(WorldDriver):
    """Implements `ports.Driver`: the places hold the first key, and the spare one is made anew."""

    capabilities: Capabilities = field(
        default=Capabilities(recoverable=True, additive=False, tests_before_publishing=True)
    )

    async def look(self, target: str) -> Standing:
        del target
        keys = await around("look", lambda: tuple(slots(self.world)))
        return Standing(credentials=tuple(Held(key_id, None, None) for key_id in keys))

    async def make(
        self, target: str, marker: Marker, lifetime: timedelta, before: Sequence[str]
    ) -> Made:
        del target, marker, lifetime, before
        return _made(await around("make", lambda: self._renew(SPARE)))

    async def recover(self, target: str, before: Sequence[str]) -> Made | None:
        del target
        spare = await around("recover", lambda: slots(self.world)[SPARE])
        return None if spare in before else _made(spare)

    async def remove(self, target: str, key_id: str) -> None:
        del target
        await around("remove", lambda: self._remove(key_id))

    def _remove(self, key_id: str) -> None:
        if key_id in slots(self.world):
            self._renew(slots(self.world).index(key_id))

    def _renew(self, slot: int) -> str:
        keys = slots(self.world)
        former, keys[slot] = keys[slot], self.world.add(f"key {slot + 1}")
        self.world.remove(former)
        return keys[slot]


def slots(world: World) -> list[str]:
    """Return the ids of a world's two keys."""
    if not world.slots:
        world.slots = ["k1", world.add("key 2", born=-1e6)]
    return world.slots


def _made(key_id: str) -> Made:
    return Made(key_id, SecretValue(f"value of {key_id}"), None)
