"""One process at a time has a target, and inside a process one task."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from services.rotator.domain.rotation import Rotation
from services.rotator.store.ledger import PostgresLedger
from tests.support.database import Database
from tests.support.saga.harness import scene
from tests.support.saga.ledgers import Noted, PostgresBench


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[PostgresBench]:
    """Two rotations of two credentials of one application."""
    async with database.pool("rotator") as pool:
        bench = PostgresBench(pool, Noted())
        for number in range(2):
            await bench.add(_of_one_application(number))
        yield bench


def _of_one_application(number: int) -> Rotation:
    rotation = scene().rotation
    places = tuple(
        replace(place, id=uuid4(), name=f"{place.name}-{number}") for place in rotation.places
    )
    return replace(rotation, id=uuid4(), credential_id=uuid4(), places=places)


async def test_two_credentials_of_one_target_are_never_rotated_at_once(
    bench: PostgresBench,
) -> None:
    ledger = PostgresLedger(bench.pool, bench.outbox, UUID(int=1))

    assert await ledger.claim() is not None

    assert await ledger.claim() is None
    assert await PostgresLedger(bench.pool, bench.outbox, UUID(int=2)).claim() is None


async def test_while_one_keeps_its_value_the_other_waits(bench: PostgresBench) -> None:
    ledger = PostgresLedger(bench.pool, bench.outbox, UUID(int=1))
    lease = await ledger.claim()
    assert lease is not None

    await ledger.record(lease, lease.rotation, wait=30.0, keep=True)

    assert await ledger.claim() is None
    await bench.pass_time(31.0)
    again = await ledger.claim()
    assert again is not None
    assert again.rotation.id == lease.rotation.id


async def test_when_one_only_waits_the_other_goes_on(bench: PostgresBench) -> None:
    ledger = PostgresLedger(bench.pool, bench.outbox, UUID(int=1))
    lease = await ledger.claim()
    assert lease is not None

    await ledger.record(lease, lease.rotation, wait=30.0)

    other = await ledger.claim()
    assert other is not None
    assert other.rotation.id != lease.rotation.id
