"""Writes go out no faster than they may, whichever process sends them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.rotator.domain.rotation import Rotation
from services.rotator.ports import Lease
from services.rotator.store.ledger import PostgresLedger
from tests.support.database import Database
from tests.support.saga.harness import scene
from tests.support.saga.ledgers import Noted, PostgresBench

VAULT, GRAPH = "vault https://kv.vault.example", "target world"


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[PostgresBench]:
    async with database.pool("rotator") as pool:
        bench = PostgresBench(pool, Noted())
        for number in range(8):
            await bench.add(_another(number))
        yield bench


def _another(number: int) -> Rotation:
    rotation = scene().rotation
    places = tuple(
        replace(place, id=uuid4(), name=f"{place.name}-{number}") for place in rotation.places
    )
    return replace(
        rotation, id=uuid4(), credential_id=uuid4(), target=f"app-{number}", places=places
    )


async def claimed(bench: PostgresBench) -> tuple[PostgresLedger, Lease]:
    ledger = PostgresLedger(bench.pool, bench.outbox, UUID(int=1))
    lease = await ledger.claim()
    assert lease is not None
    return ledger, lease


async def test_a_vault_takes_a_few_writes_at_once_and_then_one_by_one(bench: PostgresBench) -> None:
    ledger, lease = await claimed(bench)

    waits = [await ledger.fence(lease, VAULT) for _ in range(6)]

    assert waits[:5] == [None] * 5
    assert waits[5] is not None
    assert timedelta(0) < waits[5].span <= timedelta(seconds=1)


async def test_processes_share_one_budget(bench: PostgresBench) -> None:
    first, lease = await claimed(bench)
    second, other = await claimed(bench)
    for _ in range(5):
        assert await first.fence(lease, VAULT) is None

    assert await second.fence(other, VAULT) is not None


async def test_writes_to_one_target_are_seconds_apart(bench: PostgresBench) -> None:
    ledger, lease = await claimed(bench)
    assert await ledger.fence(lease, GRAPH) is None

    held = await ledger.fence(lease, GRAPH)

    assert held is not None
    assert held.span > timedelta(seconds=4)


async def test_whoever_was_asked_to_slow_down_keeps_the_others_away_too(
    bench: PostgresBench,
) -> None:
    first, _ = await claimed(bench)
    second, other = await claimed(bench)

    await first.shut(VAULT, 120.0)

    held = await second.fence(other, VAULT)
    assert held is not None
    assert held.span > timedelta(seconds=110)
    assert await second.fence(other, GRAPH) is None
