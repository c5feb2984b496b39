"""The budget that all replicas share: the rules of `domain.budget`, by the database's clock.

The arithmetic stands in the statements, so that a reservation is one of them and its row is locked
for no round trip. A test holds it against the domain's.
"""

import asyncio
from typing import Final

from services.scanner.domain.budget import (
    BLOCK_SECONDS,
    BURST_SECONDS,
    FLOOR,
    HOLD_SECONDS,
    JUMP_SECONDS,
    STEP,
    Grant,
    most_at_once,
)
from services.scanner.ports import Quota
from shared.database import Pool

# `excluded.asked_at` is now, the same in the whole statement; a replica that had to wait for the
# row has an older one, which gives it the same places as a moment ago.
_GROWN: Final = f"""
    SELECT least($3, b.rate + $3 * {STEP} * s.steps) AS rate,
           h.holds_until + s.steps AS holds_until,
           CASE WHEN b.free_at > excluded.asked_at + {JUMP_SECONDS}
                THEN excluded.asked_at ELSE b.free_at END AS free_at
    FROM (SELECT CASE WHEN b.holds_until > excluded.asked_at + {JUMP_SECONDS}
                      THEN excluded.asked_at ELSE b.holds_until END AS holds_until) h,
         LATERAL (SELECT floor(greatest(0, excluded.asked_at - h.holds_until)) AS steps) s
"""  # noqa: S608 - constants of the domain
_NOW: Final = "(SELECT extract(epoch FROM clock_timestamp())::float8 AS now) c"

_RESERVE: Final = f"""
    INSERT INTO scanner.budget AS b
        (subscription_id, region, rate, holds_until, free_at, asked_at)
    SELECT $1, $2, $3::float8, c.now, c.now - {BURST_SECONDS} + $4::float8 / $3, c.now FROM {_NOW}
    ON CONFLICT (subscription_id, region) DO UPDATE SET
        asked_at = excluded.asked_at,
        (rate, holds_until, free_at) = (
            SELECT g.rate, g.holds_until,
                   greatest(g.free_at, excluded.asked_at - {BURST_SECONDS})
                   + least($4, greatest(1, floor(g.rate * {BLOCK_SECONDS}))) / g.rate
            FROM ({_GROWN}) g)
    RETURNING b.rate, b.free_at, b.asked_at
"""  # noqa: S608 - constants of the domain

_SLOW_DOWN: Final = f"""
    INSERT INTO scanner.budget AS b
        (subscription_id, region, rate, holds_until, free_at, asked_at)
    SELECT $1, $2, greatest($3::float8 * {FLOOR}, $3 / 2),
           c.now + greatest($4::float8, {HOLD_SECONDS}), c.now + $4, c.now
    FROM {_NOW}
    ON CONFLICT (subscription_id, region) DO UPDATE SET
        asked_at = excluded.asked_at,
        (rate, holds_until, free_at) = (
            SELECT CASE WHEN n.new THEN greatest($3 * {FLOOR}, g.rate / 2) ELSE g.rate END,
                   greatest(g.holds_until, excluded.asked_at
                            + greatest($4, CASE WHEN n.new THEN {HOLD_SECONDS} ELSE 0 END)),
                   greatest(g.free_at, excluded.asked_at + $4)
            FROM ({_GROWN}) g,
                 LATERAL (SELECT excluded.asked_at >= g.holds_until AS new) n)
"""  # noqa: S608 - constants of the domain


class SharedLedger:
    """Implements `ports.Ledger` for all replicas that use one database."""

    def __init__(self, pool: Pool, full_rate: float) -> None:
        self._pool = pool
        self._full_rate = full_rate
        # Of the few connections of a replica the budget takes one at a time.
        self._turn = asyncio.Semaphore(1)

    async def reserve(self, quota: Quota, places: int) -> Grant:
        """Reserve places in one statement; `begins` counts from the moment of the answer."""
        asked = min(places, most_at_once(self._full_rate))
        async with self._turn, self._pool.acquire() as conn:
            [row] = await conn.fetch(_RESERVE, *quota, self._full_rate, asked)
        rate = row["rate"]
        given = min(asked, most_at_once(rate))
        begins = row["free_at"] - given / rate - row["asked_at"]
        return Grant(begins=begins, spacing=1 / rate, places=given)

    async def slow_down(self, quota: Quota, pause: float) -> None:
        """Let all replicas pause, and halve the rate."""
        async with self._turn, self._pool.acquire() as conn:
            await conn.execute(_SLOW_DOWN, *quota, self._full_rate, pause)
