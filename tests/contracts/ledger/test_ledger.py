"""What every ledger of rotations promises: the one in memory and the one in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.rotator.domain.rotation import Rotation, follow
from services.rotator.domain.state import Signal, State
from services.rotator.ports import FencedError
from services.rotator.store.lease import EFFECT_SECONDS, LEASE_SECONDS
from tests.support.database import Database
from tests.support.saga import checkpoint
from tests.support.saga.harness import scene
from tests.support.saga.ledgers import Bench, MemoryBench, Noted, PostgresBench

FIRST, SECOND = 1, 2
OWNER = "vault https://kv.vault.example"
ROTATION = scene().rotation
COMPLETED = "certifyclouds.rotation.completed.v1"


@pytest.fixture(autouse=True)
def _undriven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_hooks", [lambda _: None])


@pytest.fixture(params=["memory", "postgresql"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield MemoryBench()
        return
    database: Database = request.getfixturevalue("database")
    async with database.pool("rotator") as pool:
        yield PostgresBench(pool, Noted())


@pytest.fixture
async def rotation(bench: Bench) -> Rotation:
    await bench.add(ROTATION)
    return ROTATION


async def test_what_is_claimed_is_what_was_added(bench: Bench, rotation: Rotation) -> None:
    lease = await bench.ledger(FIRST).claim()

    assert lease is not None
    assert lease.rotation == rotation


async def test_nothing_is_claimed_twice(bench: Bench, rotation: Rotation) -> None:
    del rotation
    workers = [bench.ledger(owner).claim() for owner in (FIRST, FIRST, SECOND, SECOND) * 5]

    leases = await asyncio.gather(*workers)

    assert sum(lease is not None for lease in leases) == 1


async def test_a_recorded_step_is_found_by_the_next_claim(bench: Bench, rotation: Rotation) -> None:
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None
    place = replace(rotation.places[0], base_version="v7")
    after = replace(
        follow(rotation, Signal.ADVANCE),
        places=(place, *rotation.places[1:]),
        before=("k1", "k2"),
        attempt=3,
        new_key_id="k9",
        tries=1,
        polls=2,
        confirmations=1,
        reason="Because.",
        lifetime=timedelta(days=7),
    )

    await ledger.record(lease, after, wait=0.0)

    again = await bench.ledger(SECOND).claim()
    assert again is not None
    assert again.rotation == after


async def test_what_waits_is_not_claimed_before_its_time(bench: Bench, rotation: Rotation) -> None:
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None

    await ledger.record(lease, rotation, wait=600.0)

    assert await ledger.claim() is None
    await bench.pass_time(601.0)
    assert await bench.ledger(SECOND).claim() is not None


async def test_a_step_that_goes_on_is_nobody_elses(bench: Bench, rotation: Rotation) -> None:
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None

    await ledger.record(lease, replace(rotation, attempt=1))

    assert await ledger.claim() is None
    assert await bench.ledger(SECOND).claim() is None


async def test_what_is_kept_is_claimed_by_its_keeper_only(bench: Bench, rotation: Rotation) -> None:
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None

    await ledger.record(lease, rotation, wait=10.0, keep=True)

    await bench.pass_time(11.0)
    assert await bench.ledger(SECOND).claim() is None
    assert await ledger.claim() is not None


async def test_a_dead_workers_rotation_is_taken_over_after_its_effects_have_ended(
    bench: Bench, rotation: Rotation
) -> None:
    del rotation
    assert await bench.ledger(FIRST).claim() is not None

    await bench.pass_time(LEASE_SECONDS + EFFECT_SECONDS - 1.0)
    assert await bench.ledger(SECOND).claim() is None

    await bench.pass_time(2.0)
    assert await bench.ledger(SECOND).claim() is not None


async def test_whoever_was_taken_over_writes_and_does_nothing_any_more(
    bench: Bench, rotation: Rotation
) -> None:
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None
    await bench.pass_time(LEASE_SECONDS + EFFECT_SECONDS + 1.0)
    assert await bench.ledger(SECOND).claim() is not None

    with pytest.raises(FencedError):
        await ledger.fence(lease, OWNER)
    with pytest.raises(FencedError):
        await ledger.record(lease, follow(rotation, Signal.ADVANCE), wait=0.0)

    assert (await bench.standing(rotation.id)).state is rotation.state
    assert await bench.events() == []


async def test_the_fence_lengthens_the_lease(bench: Bench, rotation: Rotation) -> None:
    del rotation
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None

    for _ in range(3):
        await bench.pass_time(LEASE_SECONDS)
        assert await ledger.fence(lease, OWNER) is None

    assert await bench.ledger(SECOND).claim() is None


async def test_the_fence_tells_who_paused_it(bench: Bench, rotation: Rotation) -> None:
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None

    await bench.pause(rotation)

    held = await ledger.fence(lease, OWNER)
    assert held is not None
    assert "ada paused" in held.reason


async def test_the_overlap_begins_when_it_is_published(bench: Bench, rotation: Rotation) -> None:
    published = await _advance(bench, replace(rotation, state=State.VERIFIED))

    left = await bench.ledger(FIRST).until(_instant(published))

    assert abs(left - rotation.overlap.total_seconds()) < 60


async def test_a_finished_rotation_is_announced_once_and_never_claimed_again(
    bench: Bench, rotation: Rotation
) -> None:
    done = await _advance(bench, replace(rotation, state=State.SWEEPING, new_key_id="k9"))

    assert done.state is State.COMPLETED
    assert (await bench.events()).count(COMPLETED) == 1
    await bench.pass_time(1e6)
    assert await bench.ledger(SECOND).claim() is None


async def _advance(bench: Bench, moved: Rotation) -> Rotation:
    """Bring the rotation into a state by force, then let it go on from there."""
    ledger = bench.ledger(FIRST)
    lease = await ledger.claim()
    assert lease is not None
    lease = await ledger.record(lease, moved)
    await ledger.record(lease, follow(moved, Signal.ADVANCE), wait=0.0)
    return await bench.standing(moved.id)


def _instant(rotation: Rotation) -> datetime:
    assert rotation.not_before is not None
    return rotation.not_before
