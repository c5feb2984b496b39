"""The budget that all replicas share: the statements keep the rules of the domain."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scanner.domain.budget import Bucket, Grant
from services.scanner.ports import Quota
from services.scanner.steps.pace import Pacing
from services.scanner.store.budget import SharedLedger
from shared.database import Pool
from tests.support.scanner import a_vault

RATE = 40.0
QUOTA = Quota("sub", "westeurope")
# What a replica found: how far the row's times lie from now, and what is then asked of it.
acts = st.lists(
    st.tuples(
        st.floats(-3000, 3000),
        st.sampled_from(["reserve", "slow down"]),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=8,
)


async def kept(pool: Pool) -> tuple[Bucket, float]:
    row = await pool.fetchrow(
        "SELECT rate, holds_until, free_at, asked_at FROM scanner.budget"
        " WHERE subscription_id = 'sub'"
    )
    assert row is not None
    found = dict(row)
    asked_at: float = found.pop("asked_at")
    return Bucket(**found), asked_at


async def shift(pool: Pool, seconds: float) -> None:
    await pool.execute(
        "UPDATE scanner.budget SET holds_until = holds_until + $1, free_at = free_at + $1", seconds
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts)
async def test_the_database_reckons_as_the_domain_does(
    pool: Pool, acts: list[tuple[float, str, int]]
) -> None:
    await pool.execute("DELETE FROM scanner.budget")
    ledger = SharedLedger(pool, RATE)
    known: Bucket | None = None
    for seconds, what, count in acts:
        await shift(pool, seconds)
        if known is not None:
            known, _ = await kept(pool)
        if what == "reserve":
            granted = await ledger.reserve(QUOTA, count)
            found, now = await kept(pool)
            known, grant = (known or Bucket.full(RATE, now)).reserve(RATE, now, count)
            assert granted == pytest.approx(grant_from(grant, now), abs=1e-4)
        else:
            await ledger.slow_down(QUOTA, count / 2)
            found, now = await kept(pool)
            known = (known or Bucket.full(RATE, now)).slow_down(RATE, now, count / 2)
        assert (found.rate, found.holds_until, found.free_at) == pytest.approx(
            (known.rate, known.holds_until, known.free_at), rel=1e-12, abs=1e-5
        )


def grant_from(grant: Grant, now: float) -> Grant:
    return Grant(grant.begins - now, grant.spacing, grant.places)


async def test_replicas_that_ask_at_once_never_get_the_same_place(pool: Pool) -> None:
    replicas = [SharedLedger(pool, RATE) for _ in range(4)]
    first, _ = await asyncio.gather(replicas[0].reserve(QUOTA, 1), asyncio.sleep(0))
    _, began = await kept(pool)
    given_out = first.places

    grants = await asyncio.gather(*(replicas[n % 4].reserve(QUOTA, 3) for n in range(40)))

    given_out += sum(grant.places for grant in grants)
    bucket, _ = await kept(pool)
    # The time-table is as long as what was given out: no place was given twice.
    assert bucket.free_at == pytest.approx(began - 0.2 + given_out / RATE, abs=1e-4)


async def test_a_request_to_slow_down_reaches_every_replica(pool: Pool) -> None:
    told, other = SharedLedger(pool, RATE), SharedLedger(pool, RATE)
    await told.slow_down(QUOTA, 5.0)

    granted = await other.reserve(QUOTA, 3)

    assert granted.begins > 3.0
    assert granted.spacing == pytest.approx(2 / RATE)


async def test_each_subscription_and_region_has_a_budget_of_its_own(pool: Pool) -> None:
    ledger = SharedLedger(pool, RATE)
    await ledger.slow_down(QUOTA, 5.0)

    granted = await ledger.reserve(Quota("sub", "northeurope"), 3)

    assert granted.begins <= 0


async def test_what_a_crash_empties_means_the_full_rate(pool: Pool) -> None:
    ledger = SharedLedger(pool, RATE)
    await ledger.slow_down(QUOTA, 5.0)
    await pool.execute("DELETE FROM scanner.budget")

    granted = await ledger.reserve(QUOTA, 100)

    assert (granted.places, granted.spacing) == (8, 1 / RATE)
    assert granted.begins == pytest.approx(-0.2)


async def test_the_budget_costs_a_small_shard_one_statement(pool: Pool) -> None:
    """And writes no log: a scan of an unchanged estate stays cheap."""
    statements = 0

    class Counted(SharedLedger):
        async def reserve(self, quota: Quota, places: int) -> Grant:
            nonlocal statements
            statements += 1
            return await super().reserve(quota, places)

    pacing = Pacing(Counted(pool, 500.0))
    for name in ("kv-a", "kv-b"):
        for _ in range(3):
            await pacing.gate(a_vault(name)).take()

    assert statements == 1
    kind = await pool.fetchval(
        "SELECT relpersistence FROM pg_class WHERE oid = 'scanner.budget'::regclass"
    )
    assert kind == b"u"
