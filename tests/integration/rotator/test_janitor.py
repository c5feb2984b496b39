"""The daily round: what nobody accounts for goes, and nothing else does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from services.rotator.domain.marker import ATTEMPT, KEY_ID, ROTATION, Marker
from services.rotator.domain.rotation import Rotation
from services.rotator.domain.state import State
from services.rotator.ports import SoftDeletedError
from services.rotator.steps.janitor import Janitor
from services.rotator.store.rounds import EVERY_SECONDS, PostgresRounds
from tests.support.database import Database
from tests.support.saga import checkpoint
from tests.support.saga.harness import scene
from tests.support.saga.ledgers import Noted, PostgresBench
from tests.support.saga.memory import WorldDriver, WorldVault
from tests.support.saga.world import World

TIDIED = "UPDATE rotator.target SET tidied_at = tidied_at - make_interval(secs => $1)"


@pytest.fixture(autouse=True)
def _undriven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_hooks", [lambda _: None])


@dataclass
class House:
    """An application whose credential `current` is in use since a rotation that has ended."""

    bench: PostgresBench
    world: World
    rotation: Rotation
    current: str
    vault: WorldVault

    async def tidy(self) -> None:
        """Let a janitor make the rounds, a day after the last one."""
        async with self.bench.pool.acquire() as conn:
            await conn.execute(TIDIED, EVERY_SECONDS + 1.0)
        janitor = Janitor(
            rounds=PostgresRounds(self.bench.pool, uuid4()),
            drivers={"world": WorldDriver(self.world)},
            vault=self.vault,
        )
        await janitor.turn()

    def leave(self, rotation_id: UUID | None = None) -> str:
        """Leave a credential of an attempt behind; of another rotation, of another installation."""
        return self.world.add(str(Marker(rotation_id or self.rotation.id, 9)), born=-1e6)

    def write(self, key_id: str) -> None:
        """Write a credential to the first place as this rotation would."""
        tags = {ROTATION: str(self.rotation.id), ATTEMPT: "9", KEY_ID: key_id}
        self.world.put(self.rotation.places[0].name, f"value of {key_id}", tags)

    async def set(self, table: str, **values: object) -> None:
        async with self.bench.pool.acquire() as conn:
            for column, value in values.items():
                await conn.execute(f"UPDATE rotator.{table} SET {column} = $1", value)  # noqa: S608 - a test's constants


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    begun = scene()
    world, rotation = begun.world, begun.rotation
    current = world.add(str(Marker(rotation.id, 1)), born=-1e6)
    tags = {ROTATION: str(rotation.id), ATTEMPT: "1", KEY_ID: current}
    for place in rotation.places:
        world.put(place.name, f"value of {current}", tags)
    async with database.pool("rotator") as pool:
        bench = PostgresBench(pool, Noted())
        await bench.add(rotation)
        house = House(bench, world, rotation, current, WorldVault(world))
        await house.set("credential", key_id=current)
        await house.set("rotation", state=State.COMPLETED, over=True)
        await bench.pass_time(0.0)
        async with pool.acquire() as conn:
            await conn.execute("UPDATE rotator.rotation SET changed_at = now() - interval '9 days'")
        yield house


async def test_what_a_lost_attempt_left_behind_goes(house: House) -> None:
    left = house.leave()

    await house.tidy()

    assert not house.world.alive(left)
    assert house.world.alive(house.current)
    assert house.world.broken == []


async def test_another_installations_credentials_stay(house: House) -> None:
    theirs = house.leave(uuid4())

    await house.tidy()

    assert house.world.alive(theirs)


async def test_what_is_not_long_over_stays(house: House) -> None:
    left = house.leave()
    async with house.bench.pool.acquire() as conn:
        await conn.execute("UPDATE rotator.rotation SET changed_at = now()")

    await house.tidy()

    assert house.world.alive(left)


async def test_while_a_rotation_is_under_way_nobody_tidies(house: House) -> None:
    left = house.leave()
    await house.set("rotation", state=State.OVERLAP, over=False)

    await house.tidy()

    assert house.world.alive(left)


async def test_what_a_person_has_to_look_at_stays_as_it_is(house: House) -> None:
    left = house.leave()
    await house.set("rotation", state=State.FAILED)
    await house.set("credential", state="quarantined")

    await house.tidy()

    assert house.world.alive(left)


async def test_what_a_place_holds_stays_whatever_is_recorded(house: House) -> None:
    held = house.leave()
    house.write(held)
    house.world.credentials[house.current].broken = True

    await house.tidy()

    assert house.world.alive(held)


async def test_a_late_write_is_undone_and_its_credential_goes_a_day_later(house: House) -> None:
    late = house.leave()
    house.write(late)

    await house.tidy()

    newest = house.world.places[house.rotation.places[0].name][-1]
    assert newest.value == f"value of {house.current}"
    assert newest.version.key_id == house.current
    assert house.world.alive(late)
    await house.tidy()
    assert not house.world.alive(late)


async def test_what_somebody_else_wrote_stays(house: House) -> None:
    house.world.put(house.rotation.places[0].name, "by hand", {})

    await house.tidy()

    assert house.world.places[house.rotation.places[0].name][-1].value == "by hand"


async def test_where_a_place_cannot_be_looked_at_nothing_is_removed(house: House) -> None:
    left = house.leave()

    class Deleted(WorldVault):
        async def current(self, place: object) -> None:
            del place
            raise SoftDeletedError("The secret is deleted.")

    house.vault = Deleted(house.world)  # type: ignore[assignment]
    await house.tidy()

    assert house.world.alive(left)


async def test_a_target_is_looked_at_once_a_day(house: House) -> None:
    await house.tidy()
    left = house.leave()
    rounds = PostgresRounds(house.bench.pool, uuid4())

    assert await rounds.begin() is None
    await house.tidy()
    assert not house.world.alive(left)


async def test_nobody_rotates_what_the_janitor_looks_at(house: House) -> None:
    around = await PostgresRounds(house.bench.pool, uuid4()).begin()
    assert around is not None
    await house.set("rotation", state=State.SCHEDULED, over=False)

    assert await house.bench.ledger(2).claim() is None
