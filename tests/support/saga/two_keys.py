"""A resource with two keys in the simulated world: renewing a slot ends at once what stood in it.

Keys' ids are plain (`k1`); which slot each stood in is remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from typing import Final

from services.rotator.domain.marker import Marker
from services.rotator.domain.standing import Capabilities, Held, Standing
from services.rotator.domain.state import State
from services.rotator.ports import Made, Tested, Verdict
from services.rotator.store.lease import EFFECT_SECONDS
from shared.events import RotationCompleted
from shared.secret_value import SecretValue
from tests.support.saga.checkpoint import around
from tests.support.saga.harness import HOUR, Process, Scene, process, run, scene
from tests.support.saga.world import World

OLD: Final = "k1"
_IN_USE, _OTHER = "key1", "key2"


@dataclass
class TwoKeyWorld(World):
    """`stands` are the ids of what stands in each slot, `stood` the slot of each id ever."""

    stands: dict[str, str] = field(default_factory=dict)
    stood: dict[str, str] = field(default_factory=dict)
    renewals: int = 0

    def place(self, slot: str, key_id: str) -> str:
        self.stands[slot] = key_id
        self.stood[key_id] = slot
        return key_id

    def renew(self, slot: str) -> str:
        """Let another key stand in a slot, and the former one open nothing from now on."""
        self.renewals += 1
        self.credentials[self.stands[slot]].died = self.now
        made = self.place(slot, self.add(slot))
        self.check()
        return made


@dataclass
class TwoKeyDriver:
    """Implements `ports.Driver` for keys that are read again and renewed slot by slot."""

    world: World
    capabilities: Capabilities = field(
        default=Capabilities(recoverable=True, additive=False, tests_before_publishing=True)
    )

    @property
    def _slots(self) -> TwoKeyWorld:
        assert isinstance(self.world, TwoKeyWorld)
        return self.world

    async def look(self, target: str) -> Standing:
        del target
        seen = await around("look", lambda: dict(self._slots.stands))
        held = [Held(key_id, None, None, slot) for slot, key_id in seen.items()]
        return Standing(credentials=tuple(held))

    async def make(
        self,
        target: str,
        marker: Marker,
        lifetime: timedelta,
        before: Sequence[str],
        in_use: str | None,
    ) -> Made:
        del target, marker, lifetime
        slot = self._other(in_use)
        seen = await around("look for make", lambda: self._slots.stands[slot])
        if seen in before:
            seen = await around("make", lambda: self._slots.renew(slot))
        return _made(seen)

    async def recover(self, target: str, before: Sequence[str], in_use: str | None) -> Made | None:
        del target
        slot = self._other(in_use)
        seen = await around("recover", lambda: self._slots.stands[slot])
        return None if seen in before else _made(seen)

    async def identify(self, target: str, value: SecretValue) -> str | None:
        del target
        key_id = value.reveal().removeprefix("value of ")
        seen = await around("identify", lambda: set(self._slots.stands.values()))
        return key_id if key_id in seen else None

    async def test(self, target: str, made: Made) -> Tested:
        del target
        works = await around("test", lambda: self._accepts(made.value.reveal()))
        return Tested(Verdict.WORKS if works else Verdict.NOT_YET)

    def _accepts(self, value: str) -> bool:
        self.world.tests += 1
        owner = self.world.owner_of(value)
        return owner is not None and owner.works(self.world.now, self.world.tests)

    async def remove(self, target: str, key_id: str) -> None:
        del target
        slot = self._slots.stood[key_id]
        seen = await around("look for remove", lambda: self._slots.stands[slot])
        if seen == key_id:
            await around("remove", lambda: self._slots.renew(slot))

    def _other(self, in_use: str | None) -> str:
        return _OTHER if self._slots.stood[in_use or ""] == _IN_USE else _IN_USE


def _made(key_id: str) -> Made:
    return Made(key_id, SecretValue(f"value of {key_id}"), None)


def two_key_scene(*, places: int = 2, overlap: float = 48 * HOUR) -> Scene:
    """Return a resource whose first key is in use in some places, and a rotation of it."""
    base = scene(places=places, overlap=overlap)
    known = {each.name: getattr(base.world, each.name) for each in fields(World)}
    world = TwoKeyWorld(**known)
    world.place(_IN_USE, OLD)
    world.place(_OTHER, world.add(_OTHER, born=-1e6))
    base.world = base.book.world = world
    base.make_driver = TwoKeyDriver
    return base


def broken(scene: Scene) -> list[str]:
    """Return what is not as promised of a rotation that had to be completed."""
    rotation, world = scene.rotation, scene.world
    assert isinstance(world, TwoKeyWorld)
    found = list(dict.fromkeys(world.broken))
    if rotation.state is not State.COMPLETED:
        found.append(f"it ended in {rotation.state}: {rotation.reason}")
    if scene.book.current not in world.stands.values():
        found.append("what is recorded stands in no slot")
    if OLD in world.stands.values():
        found.append("the old key still opens")
    completed = sum(isinstance(event, RotationCompleted) for event in scene.book.events)
    if completed != 1:
        found.append(f"{completed} completion events")
    return found


class Sleep(StrEnum):
    """How long a process may sleep between the last look and an effect."""

    QUARANTINED = "as long as an effect may take"
    ENDLESS = "for ever"


_MAKING: Final = frozenset({"after look for make", "before make"})
_EFFECTS: Final = _MAKING | {"after look for remove", "before remove", "before publish"}
"""From the last look of an effect on: nothing but its deadline stands between them."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What came of it; `where` the sleeper slept, `state` of the rotation when it woke."""

    scene: Scene
    where: str
    state: State
    other_ended: bool

    @property
    def slept_while_making(self) -> bool:
        return self.where in _MAKING


def taken_over(asleep_at: int, awake_after: int, sleep: Sleep) -> TakenOver:
    """Let a process sleep at a checkpoint until another one has passed so many, then both go on."""
    contested = two_key_scene()
    sleeper = process(contested)
    where = _walk(contested, sleeper, asleep_at)
    since = contested.world.now
    other = process(contested)
    ended = run(contested, other, awake_after) < awake_after
    state = contested.rotation.state
    slept = contested.world.now - since
    if where in _EFFECTS and sleep is Sleep.QUARANTINED and slept > EFFECT_SECONDS:
        sleeper.kill()
    while sleeper.running is not None:
        sleeper.step()
    run(contested, other)
    return TakenOver(contested, where, state, ended)


def _walk(scene: Scene, walker: Process, points: int) -> str:
    """Let a process pass so many checkpoints and return the label at which it stands."""
    heard: list[str] = []
    step = walker.step

    def listen() -> str | None:
        label = step()
        heard.append(label or "")
        return label

    walker.step = listen  # type: ignore[method-assign]
    run(scene, walker, points)
    walker.step = step  # type: ignore[method-assign]
    return heard[-1] if heard else ""
