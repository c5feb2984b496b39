"""One side of the ingest benchmarks: `python -m benchmarks.ingest_client SIDE URL`.

`ours` writes each vault's listing as the scanner does: gathered with its fingerprint, then the
recorder's transaction with change feed, checkpoint and event. `reference` copies the same rows into
a temporary table and merges them into the same table, a transaction for each vault, and writes
nothing else. Both on one connection; both twice, so that the second time nothing has changed.
"""

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
import uvloop

from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.listing import Page
from services.scanner.domain.status import DEFAULT
from services.scanner.steps.gather import gather
from services.scanner.steps.record import Recorder
from services.scanner.store import looks
from services.scanner.store.rows import to_columns
from shared.bus import Bus
from shared.database import Pool, create_pool
from shared.events.scanning import ScanMode

VAULTS: Final = 40
ITEMS: Final = 2_000
PAGE: Final = 25
_SOME_DAY: Final = datetime(2026, 11, 1, tzinfo=UTC)
_COLUMNS: Final = (
    "kind", "external_id", "name", "enabled", "created_on", "updated_on", "not_before",
    "expires_on", "warning_at", "critical_at", "look_at", "content_type", "tags", "recovery_level",
    "recoverable_days", "managed", "version", "thumbprint", "application_object_id",
    "application_id", "application_name",
)  # fmt: skip
_LIST: Final = ", ".join(_COLUMNS)
# The driver's binary COPY has no JSON: it travels as text.
_COPIED: Final = _LIST.replace("tags", "tags::text AS tags")
_READ: Final = _LIST.replace("tags", "tags::jsonb AS tags")
_TAGS: Final = _COLUMNS.index("tags")
_COMPARED: Final = [name for name in _COLUMNS if name not in ("kind", "external_id", "look_at")]
_MERGE: Final = f"""
    MERGE INTO scanner.item AS i USING (SELECT {_READ} FROM listed) AS s
    ON i.vault_id = $1 AND i.external_id = s.external_id
    WHEN MATCHED AND ({", ".join(f"i.{name}" for name in _COMPARED)})
        IS DISTINCT FROM ({", ".join(f"s.{name}" for name in _COMPARED)})
        THEN UPDATE SET {", ".join(f"{name} = s.{name}" for name in _COMPARED)}
    WHEN NOT MATCHED THEN INSERT (vault_id, subscription_id, {_LIST})
        VALUES ($1, 'sub', {", ".join(f"s.{name}" for name in _COLUMNS)})
"""
_PREPARE: Final = """
    WITH shard AS (
        INSERT INTO scanner.shard (scan_id, shard_id, subscription_id) VALUES ($1, 1, 'sub')
        RETURNING scan_id
    )
    INSERT INTO scanner.scan_vault (scan_id, vault_id, shard_id, presence)
    SELECT shard.scan_id, v.id, 1, 'listed' FROM scanner.vault v CROSS JOIN shard
"""


def listing(vault: int) -> list[Item]:
    """Return a vault's items: three of four end some day, one of eight is tagged with nothing."""
    return [
        Item(
            kind=ItemKind.SECRET,
            external_id=f"secrets/payments-api-key-{vault:03d}-{number:05d}",
            name=f"payments-api-key-{vault:03d}-{number:05d}",
            created_on=_SOME_DAY,
            updated_on=_SOME_DAY + timedelta(seconds=number),
            expires_on=_SOME_DAY + timedelta(hours=number) if number % 4 else None,
            content_type="text/plain",
            tags={"team": f"team-{number % 40}", "environment": "prod"} if number % 8 else {},
            recovery_level="Recoverable+Purgeable",
            recoverable_days=90,
        )
        for number in range(ITEMS)
    ]


async def paged(items: Sequence[Item]) -> AsyncIterator[Page]:
    for start in range(0, len(items), PAGE):
        yield Page.of(items[start : start + PAGE])


async def never(items: Sequence[Item]) -> None:
    """Stand in for the staging of listings beyond 10,000 items."""
    raise AssertionError(f"{len(items)} items were staged")


async def ours(pool: Pool, listings: dict[int, list[Item]], mode: ScanMode) -> None:
    """Write all listings in a scan of their own."""
    scan_id = await _begin(pool)
    bus = Bus("", service="scanner", pool=pool)
    recorder = Recorder(pool=pool, outbox=bus, scan_id=scan_id, mode=mode)
    for vault_id, items in listings.items():
        async with pool.acquire() as conn:
            began_at = await looks.get_time(conn)
        whole = await gather(
            paged(items), look=uuid4(), began_at=began_at, stage=never, thresholds=DEFAULT
        )
        if await recorder.listing(vault_id, whole) is None:
            raise RuntimeError(f"Vault {vault_id} was written by somebody else.")


async def _begin(pool: Pool) -> UUID:
    scan_id = uuid4()
    async with pool.transaction() as conn:
        await conn.execute(
            "INSERT INTO scanner.scan (id, mode, requested_by, requested_at, correlation_id, state)"
            " VALUES ($1, 'full', 'a benchmark', now(), $1, 'running')",
            scan_id,
        )
        await conn.execute(_PREPARE, scan_id)
    return scan_id


async def reference(pool: Pool, listings: dict[int, list[Item]]) -> None:
    """Write all listings by COPY and MERGE."""
    async with pool.acquire() as conn:
        await conn.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS listed AS SELECT {_COPIED} FROM scanner.item LIMIT 0"
        )
        for vault_id, items in listings.items():
            async with conn.transaction():
                await conn.execute("TRUNCATE listed")
                columns = to_columns(items, lambda _: DEFAULT)
                columns[_TAGS] = [orjson.dumps(tags).decode() for tags in columns[_TAGS]]
                rows = zip(*columns, strict=True)
                await conn.copy_records_to_table("listed", records=rows, columns=_COLUMNS)
                await conn.execute(_MERGE, vault_id)


async def measure(work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """Return rows a second, and the client's CPU seconds."""
    began, cpu = time.perf_counter(), time.process_time()
    await work()
    seconds = time.perf_counter() - began
    return {
        "rows_per_s": VAULTS * ITEMS / seconds,
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
    }


async def run(side: str, url: str) -> dict[str, Any]:
    """Return the figures of one side: all new, and all as before."""
    pool = await create_pool(url, service="scanner", max_size=1)
    try:
        ids = await pool.fetch("SELECT id FROM scanner.vault ORDER BY id")
        listings = {row["id"]: listing(row["id"]) for row in ids}
        if side == "reference":
            new = await measure(lambda: reference(pool, listings))
            return {"new": new, "unchanged": await measure(lambda: reference(pool, listings))}
        return {
            "new": await measure(lambda: ours(pool, listings, ScanMode.FULL)),
            "unchanged": await measure(lambda: ours(pool, listings, ScanMode.FULL)),
            "forced": await measure(lambda: ours(pool, listings, ScanMode.FORCE)),
        }
    finally:
        await pool.close()


if __name__ == "__main__":
    print(orjson.dumps(uvloop.run(run(*sys.argv[1:]))).decode())
