"""Running rotations to their end while processes die, sleep and wake at chosen instructions."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.rotator.domain.marker import Marker
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import State
from services.rotator.ports import Copies, Driver, Ledger, Vault
from services.rotator.steps.hand import Hand
from services.rotator.steps.saga import STEPS
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Parts, Step, take
from shared.events.items import CredentialRef, ItemKind
from tests.support.saga.checkpoint import LostError
from tests.support.saga.memory import (
    Book,
    MemoryLedger,
    Row,
    WorldCopies,
    WorldDriver,
    WorldVault,
)
from tests.support.saga.world import World

HOUR: Final = 3_600.0
ROTATION_ID: Final = UUID(int=0x7001)
SUBJECT: Final = CredentialRef(
    item_id=1, kind=ItemKind.APP_SECRET, name="deploy", container="Contoso Shop"
)
MOST_CHECKPOINTS: Final = 4_000
LONG_AGO: Final = 1_000_000.0


@dataclass
class Scene:
    """A world with one rotation that is about to begin, and what survives a crash of it."""

    world: World
    book: Book
    steps: Mapping[State, Step] = field(default_factory=lambda: STEPS)
    make_driver: Callable[[World], Driver] = WorldDriver
    make_vault: Callable[[World], Vault] = WorldVault
    make_copies: Callable[[World], Copies] = WorldCopies
    make_ledger: Callable[[Book, UUID], Ledger] = MemoryLedger
    processes: int = 0

    @property
    def rotation(self) -> Rotation:
        return self.book.rows[ROTATION_ID].rotation


@dataclass
class Process:
    """One process: what it does next, and the values that die with it."""

    scene: Scene
    id: UUID
    parts: Parts
    running: Coroutine[Any, Any, Rotation | None] | None = None
    stands_at: str = ""

    def step(self) -> str | None:
        """Go on to the next checkpoint and return its label; None if there was nothing to do."""
        if self.running is None:
            self.running = take(self.parts, self.scene.steps, stop)
        try:
            label: str = self.running.send(None)
        except StopIteration as end:
            self.running = None
            return None if end.value is None else "turn"
        except LostError:
            self.running = None
            return "turn"
        self.stands_at = label
        return label

    def kill(self) -> None:
        """End the process where it stands."""
        if self.running is not None:
            self.running.close()
            self.running = None


def scene(
    *,
    places: int = 2,
    overlap: float = 48 * HOUR,
    stale: float = 0.0,
    copy_lag: float = 60.0,
    foreign: bool = True,
) -> Scene:
    """Return an application with one credential in some places, and a rotation of it."""
    world = World(overlap=overlap, stale=stale, copy_lag=copy_lag)
    world.now = -LONG_AGO
    old = world.add("deploy")
    if foreign:
        marker = Marker(UUID(int=0x7000), 1)
        world.others = {world.add("somebody else's"), world.add(str(marker))}
    names = [f"db-password-{number}" for number in range(places)]
    for name in names:
        world.put(name, f"value of {old}", {"team": "web"})
    world.now, world.broken = 0.0, []
    book = Book(world)
    rotation = Rotation(
        id=ROTATION_ID,
        credential_id=UUID(int=1),
        driver="world",
        target="app",
        subject=SUBJECT,
        state=State.SCHEDULED,
        places=tuple(_place(number, name) for number, name in enumerate(names)),
        overlap=timedelta(seconds=overlap),
        lifetime=timedelta(days=104),
        old_key_id=old,
    )

    book.rows[rotation.id] = Row(rotation)
    return Scene(world, book)


def _place(number: int, name: str) -> Place:
    reference = CredentialRef(item_id=10 + number, kind=ItemKind.SECRET, name=name, container="kv")
    return Place(
        id=UUID(int=100 + number),
        vault_url=f"https://kv-{number}.vault.example",
        name=name,
        reference=reference,
    )


def process(scene: Scene) -> Process:
    """Start another process on the scene."""
    scene.processes += 1
    owner = UUID(int=scene.processes)
    parts = Parts(
        ledger=scene.make_ledger(scene.book, owner),
        drivers={"world": scene.make_driver(scene.world)},
        vault=scene.make_vault(scene.world),
        copies=scene.make_copies(scene.world),
        hand=Hand(lambda: scene.world.now),
    )
    return Process(scene, owner, parts)


def run(scene: Scene, process: Process, limit: int | None = None) -> int:
    """Let a process work until the rotation is over, or for `limit` checkpoints; return how many.

    When nothing is due time passes until something is.
    """
    passed = 0
    while limit is None or passed < limit:
        label = process.step()
        if label is None:
            due = scene.book.next_due(process.id)
            if due is None:
                return passed
            wait_until(scene, due)
        elif label != "turn":
            passed += 1
        if passed > MOST_CHECKPOINTS:
            raise AssertionError(f"The rotation does not end; it is {scene.rotation}.")
    return passed


def wait_until(scene: Scene, due: float) -> None:
    """Let time pass, and everybody who reads something read it."""
    scene.world.now = max(scene.world.now, due) + 0.001
    scene.world.catch_up()
    scene.world.check()


def with_crashes(scene: Scene, points: Iterable[int]) -> Scene:
    """Kill a process after each number of checkpoints in turn, then let one run to the end."""
    for point in points:
        victim = process(scene)
        run(scene, victim, point)
        victim.kill()
    run(scene, process(scene))
    return scene
