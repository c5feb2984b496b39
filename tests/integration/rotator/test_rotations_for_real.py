"""A rotation of each kind from its plan to its end, with the real adapters on the sandbox."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.rotator.adapters import Clouds, open_clouds
from services.rotator.domain.marker import KEY_ID
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import Signal, State
from services.rotator.ports import Driver, Made, Verdict
from services.rotator.steps import saga
from services.rotator.steps.hand import Hand
from services.rotator.steps.turn import Parts
from shared.secret_value import SecretValue
from tests.support.database import Database
from tests.support.discovery import settings_for
from tests.support.keyed import opens
from tests.support.rotation import FINGERPRINTS, SandboxDriverRig, place
from tests.support.saga import checkpoint
from tests.support.saga.ledgers import Noted, PostgresBench
from tests.support.saga.memory import Book, MemoryLedger, Row
from tests.support.saga.world import World
from tests.support.sandbox import Sandbox, Way, running_sandbox, way_to
from tests.support.two_keyed import KINDS, SandboxTwoKeyRig

MOST_TURNS = 400
SINCE_WRITING = "UPDATE rotator.target SET wrote_at = wrote_at - interval '1 minute'"
OVERLAP = timedelta(hours=48)


class Killed(BaseException):
    """The process is gone."""


class NoCopies:
    """Implements `ports.Copies`: nothing is copied."""

    async def missing(self, rotation: Rotation) -> Sequence[str]:
        del rotation
        return ()


class DiesAfterMaking:
    """A driver in a process that is killed the moment its first credential is made."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def make(self, *arguments: Any) -> Made:
        await self._driver.make(*arguments)
        raise Killed


@dataclass
class Stage:
    """A rotation that is about to begin, and the clouds that it changes."""

    clouds: Clouds
    rotation_id: UUID
    book: Book = field(default_factory=lambda: Book(World(overlap=OVERLAP.total_seconds())))

    @property
    def rotation(self) -> Rotation:
        return self.book.rows[self.rotation_id].rotation

    def parts(self, drivers: Mapping[str, Driver] | None = None) -> Parts:
        """Return what another process works with."""
        return Parts(
            ledger=MemoryLedger(self.book, uuid4()),
            drivers=drivers or self.clouds.drivers,
            vault=self.clouds.vault,
            copies=NoCopies(),
            hand=Hand(lambda: self.book.world.now),
        )

    async def run(self, parts: Parts, until: State | None = None) -> None:
        """Take turns, and let time pass between them, until the rotation is over or so far."""
        for _ in range(MOST_TURNS):
            if self.rotation.is_over or self.rotation.state is until:
                return
            if await saga.turn(parts) is None:
                now, due = self.book.world.now, self.book.rows[self.rotation_id].due
                self.book.world.now = max(now + 15.0, due)
        raise AssertionError(f"it does not end: {self.rotation}")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("rotations")) as running:
        yield running


@pytest.fixture
async def clouds(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clouds]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
    monkeypatch.setattr(checkpoint, "_hooks", [lambda _: None])
    async with open_clouds(settings_for(sandbox, "rotate"), fingerprints=FINGERPRINTS) as found:
        yield found


@pytest.fixture
async def way(sandbox: Sandbox, clouds: Clouds) -> AsyncIterator[Way]:
    del clouds
    async with way_to(sandbox) as found:
        yield found


def stage(
    clouds: Clouds, sandbox: Sandbox, driver: str, target: str, old: str, value: str
) -> Stage:
    """Return a rotation of what a secret in a vault holds."""
    where = holding(sandbox, value)
    rotation = Rotation(
        id=uuid4(),
        credential_id=uuid4(),
        driver=driver,
        target=target,
        subject=where.reference,
        state=State.SCHEDULED,
        places=(where,),
        overlap=OVERLAP,
        lifetime=timedelta(days=90),
        old_key_id=old,
    )
    made = Stage(clouds, rotation.id)
    made.book.rows[rotation.id] = Row(rotation)
    return made


def holding(sandbox: Sandbox, value: str) -> Place:
    """Return a secret in a vault that holds a value."""
    vault = sandbox.vault(lambda found: found["readableBy"]["rotate"]["secrets"])
    where = place(f"{sandbox.url(vault)}/", f"rotated-{uuid4().hex[:12]}")
    sandbox.control.write(vault=vault["name"], kind="secret", name=where.name, value=value)
    return where


async def published(found: Stage) -> tuple[Mapping[str, str], SecretValue]:
    """Return the tags and the value that everybody reads."""
    current = await found.clouds.vault.current(found.rotation.places[0])
    assert current is not None
    return current[0].tags, current[1]


@pytest.fixture(params=KINDS)
async def keyed(
    request: pytest.FixtureRequest, clouds: Clouds, way: Way
) -> tuple[SandboxTwoKeyRig, Stage]:
    """Return a resource of each type, and a rotation of the key that a secret holds."""
    rig = SandboxTwoKeyRig(clouds.drivers[request.param], way, request.param, team="orders")
    slot = rig.parsed.type.slots[0]
    value = (await rig.values())[0]
    return rig, stage(clouds, way.sandbox, request.param, rig.target, slot, value)


async def test_a_key_is_rotated_while_both_work_and_then_only_the_new_one_does(
    way: Way, keyed: tuple[SandboxTwoKeyRig, Stage]
) -> None:
    rig, found = keyed
    old = (await rig.values())[0]

    await found.run(found.parts(), until=State.OVERLAP)
    tags, new = await published(found)
    both = [await opens(way, rig.resource.shown, each) for each in (old, new.reveal())]
    await found.run(found.parts())
    after = [await opens(way, rig.resource.shown, each) for each in (old, new.reveal())]

    assert both == [True, True]
    assert after == [False, True]
    assert found.rotation.state is State.COMPLETED
    assert tags[KEY_ID] == found.rotation.new_key_id == found.book.current
    assert new.reveal() == (await rig.values())[1]


async def test_a_process_that_dies_right_after_renewing_costs_no_second_renewal(
    way: Way, keyed: tuple[SandboxTwoKeyRig, Stage]
) -> None:
    rig, found = keyed
    dying = {rig.kind: DiesAfterMaking(rig.driver)}

    with pytest.raises(Killed):
        await found.run(found.parts(dying))  # type: ignore[arg-type]
    renewed = (await rig.values())[1]
    await found.run(found.parts())

    assert found.rotation.state is State.COMPLETED
    assert found.rotation.attempt == 1
    assert (await published(found))[1].reveal() == renewed
    assert await opens(way, rig.resource.shown, renewed)


async def test_a_key_is_rolled_back_and_the_new_one_ends(
    way: Way, keyed: tuple[SandboxTwoKeyRig, Stage]
) -> None:
    rig, found = keyed
    old = (await rig.values())[0]
    await found.run(found.parts(), until=State.OVERLAP)
    new = (await published(found))[1].reveal()
    row = found.book.rows[found.rotation_id]
    row.rotation = replace(row.rotation, wanted=Signal.ROLL_BACK)
    row.due = found.book.world.now

    await found.run(found.parts())

    assert found.rotation.state is State.ROLLED_BACK
    assert (await published(found))[1].reveal() == old
    assert await opens(way, rig.resource.shown, old)
    assert not await opens(way, rig.resource.shown, new)


async def test_a_secret_that_holds_a_connection_string_is_left_as_it_is(
    clouds: Clouds, sandbox: Sandbox, way: Way
) -> None:
    rig = SandboxTwoKeyRig(clouds.drivers["storage_key"], way, "storage_key", team="orders")
    before = await rig.values()
    value = f"AccountName={rig.parsed.name};AccountKey={before[0]}"
    found = stage(clouds, sandbox, "storage_key", rig.target, "key1", value)

    await found.run(found.parts())

    assert found.rotation.state is State.ABANDONED
    assert "connection string" in (found.rotation.reason or "")
    assert await rig.values() == before


async def test_a_client_secret_of_an_application_is_rotated(
    clouds: Clouds, sandbox: Sandbox
) -> None:
    driver = clouds.drivers["entra-app-secret"]
    rig = SandboxDriverRig(driver, sandbox)
    old = (await driver.look(rig.target)).key_ids[0]
    found = stage(clouds, sandbox, "entra-app-secret", rig.target, old, "canary-old")

    await found.run(found.parts())
    tags, value = await published(found)
    listed = (await driver.look(rig.target)).key_ids
    tested = await driver.test(rig.target, Made(tags[KEY_ID], value, None))

    assert found.rotation.state is State.COMPLETED
    assert old not in listed
    assert tags[KEY_ID] in listed
    assert tested.verdict is Verdict.WORKS


async def test_in_the_database_the_slot_that_was_confirmed_becomes_a_key_and_then_its_successor(
    clouds: Clouds, way: Way, database: Database
) -> None:
    rig = SandboxTwoKeyRig(clouds.drivers["storage_key"], way, "storage_key", team="orders")
    value = (await rig.values())[0]
    found = stage(clouds, way.sandbox, "storage_key", rig.target, "key1", value).rotation
    async with database.pool("rotator") as pool:
        bench = PostgresBench(pool, Noted())
        await bench.add(replace(found, overlap=timedelta(hours=1)))
        parts = Parts(
            ledger=bench.ledger(1),
            drivers=clouds.drivers,
            vault=clouds.vault,
            copies=NoCopies(),
            hand=Hand(time.monotonic),
        )
        after = await _run(parts, bench, found.id)
        key_id = await pool.fetchval("SELECT key_id FROM rotator.credential")

    assert (after.state, after.attempt) == (State.COMPLETED, 1)
    assert (after.old_key_id or "").startswith("key1:")
    assert key_id == after.new_key_id
    assert (key_id or "").startswith("key2:")


async def _run(parts: Parts, bench: PostgresBench, rotation_id: UUID) -> Rotation:
    for _ in range(MOST_TURNS):
        rotation = await bench.standing(rotation_id)
        if rotation.is_over:
            return rotation
        if await saga.turn(parts) is None:
            await bench.pass_time(60.0)
            async with bench.pool.acquire() as conn:
                await conn.execute(SINCE_WRITING)
    raise AssertionError(f"it does not end: {rotation}")
