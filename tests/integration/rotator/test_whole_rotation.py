"""A policy's rotation from its first look to its last step, on PostgreSQL and a simulated cloud."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from services.rotator.steps import saga
from services.rotator.steps.hand import Hand
from services.rotator.steps.turn import Parts
from services.rotator.store.ledger import PostgresLedger
from tests.support.database import Database
from tests.support.policies import DAY, Policies
from tests.support.rotator import tenant
from tests.support.saga import checkpoint
from tests.support.saga.ledgers import SHIFT
from tests.support.saga.memory import WorldCopies, WorldDriver, WorldVault
from tests.support.saga.world import World

HOUR = 3_600.0
MOST_TURNS = 500


@pytest.fixture(autouse=True)
def _undriven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_hooks", [lambda _: None])


@pytest.fixture
async def rules(database: Database) -> AsyncIterator[Policies]:
    async with tenant(database) as shop:
        yield Policies(shop)


@pytest.fixture
async def world(rules: Policies) -> World:
    """The application and its vaults; its credential is due by a policy."""
    world = World(overlap=48 * HOUR, copy_lag=60.0)
    old = world.add("deploy", born=-1e6)
    for secret in rules.shop.secrets:
        world.put(secret.name, f"value of {old}", {})
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute("UPDATE scanner.credential SET key_id = $1", old)
    await rules.shop.confirm()
    await rules.ends_in(20)
    await rules.set()
    return world


async def finish(
    rules: Policies, world: World, *, meanwhile: Callable[[], Awaitable[object]]
) -> dict[str, Any]:
    """Work until the rotation is over, a minute or an hour between two turns; return it."""
    parts = Parts(
        ledger=PostgresLedger(rules.shop.pool, rules.outbox, uuid4()),
        drivers={"entra-app-secret": WorldDriver(world)},
        vault=WorldVault(world),
        copies=WorldCopies(world),
        hand=Hand(lambda: world.now),
    )
    for _ in range(MOST_TURNS):
        await saga.turn(parts)
        await meanwhile()
        (found,) = await rules.rotations()
        if found["over"]:
            return found
        wait = HOUR if found["state"] == "overlap" else 10.0
        world.now += wait
        async with rules.shop.estate.database.connection() as conn:
            await conn.execute(SHIFT, wait)
    raise AssertionError(found)


async def test_a_due_credential_is_replaced_once_and_the_next_is_due_much_later(
    rules: Policies, world: World
) -> None:
    assert await rules.turn() == 1

    ended = await finish(rules, world, meanwhile=rules.turn)

    assert ended["state"] == "completed"
    assert world.broken == []
    found = await rules.outlook()
    assert found["key_id"] == ended["new_key_id"] != ended["old_key_id"]
    assert await rules.turn() == 0
    found = await rules.outlook()
    assert found["next_at"] > await rules.now() + 50 * DAY
    assert len(await rules.rotations()) == 1


async def test_a_licence_that_is_withdrawn_meanwhile_lets_it_finish_and_begins_no_other(
    rules: Policies, world: World
) -> None:
    await rules.turn()

    async def withdraw() -> None:
        rules.shop.licence.withdraw()
        await rules.turn()

    ended = await finish(rules, world, meanwhile=withdraw)

    assert ended["state"] == "completed"
    assert world.broken == []
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute("UPDATE rotator.rotation_step SET at = at - interval '80 days'")
    assert await rules.turn() == 0
    assert "licence" in (await rules.outlook())["warning"]
