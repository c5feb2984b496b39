"""A rescan of an estate in which nothing changed: how fast, and what it writes."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.clouds import Sandbox, sandbox
from benchmarks.databases import Database, Writes, fresh, server, writes
from benchmarks.discovery import B_AT_ONCE, WORLD_B, differences
from benchmarks.lines import Bound, Line
from benchmarks.registry import Wanted
from benchmarks.scanning import Measured, our_scan

ROUNDS: Final = 3
# What a scan says of itself: the scan, its shards and sources, each vault's time of the last look,
# two audit entries, the messages, and a new process's heartbeat. No item, change or announcement.
SCAN_ROWS: Final = frozenset(
    {
        "scanner.scan", "scanner.shard", "scanner.scan_vault", "scanner.vault",
        "scanner.subscription", "scanner.inbox", "audit.entry", "bus.message", "bus.delivery",
        "bus.heartbeat",
    }
)  # fmt: skip

# What runs beside a scan in a process that has just started: the requests' budget, which is not
# logged, the sweep's clock, the posture of the day, and how far the feeds are kept.
OTHER_ROWS: Final = frozenset(
    {
        "scanner.budget", "scanner.sweep_clock", "scanner.posture_day", "scanner.posture_count",
        "scanner.feed_kept",
    }
)  # fmt: skip


async def rescan(wanted: Wanted) -> AsyncIterator[Line]:
    """Scan world B twice, several times over, each time by a new process."""
    del wanted
    firsts: list[Measured] = []
    seconds: list[Measured] = []
    written: list[tuple[Writes, Writes]] = []
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as name:
        folder = Path(name)
        async with server() as cluster, sandbox(folder, WORLD_B) as clouds:
            async with fresh(cluster) as database:  # warms the sandbox; not counted
                await our_scan(clouds, database, folder, B_AT_ONCE)
            for _ in range(ROUNDS):
                async with fresh(cluster) as database:
                    first, of_first = await _counted(clouds, database, folder)
                    again, of_again = await _counted(clouds, database, folder)
                    firsts.append(first)
                    seconds.append(again)
                    written.append((of_first, of_again))
    yield _line(firsts, seconds, written)


async def _counted(clouds: Sandbox, database: Database, folder: Path) -> tuple[Measured, Writes]:
    """Scan, and count what was written meanwhile, the sweep that follows included."""
    async with database.connection() as conn:
        before = await writes(conn)
    measured = await our_scan(clouds, database, folder, B_AT_ONCE, to_rest=True)
    async with database.connection() as conn:
        return measured, (await writes(conn)).since(before)


def _line(
    firsts: list[Measured], seconds: list[Measured], written: list[tuple[Writes, Writes]]
) -> Line:
    first, again = (min(side, key=lambda one: one.seconds) for side in (firsts, seconds))
    of_first, of_again = written[-1]
    return Line(
        bench="discovery-rescan",
        ours=again.seconds,
        reference=first.seconds,
        unit="s",
        what=(
            f"second scan of {WORLD_B.vaults} vaults with {again.items} items, nothing changed;"
            f" reference: the first scan of the same run; best of {ROUNDS}, in turns"
        ),
        bounds=(
            Bound(figure="ratio", most=0.5),
            Bound(figure="wal_share", most=0.1),
            Bound(figure="items_written", most=0),
        ),
        broken=[
            *differences([*firsts, *seconds]),
            *(sentence for _, of_one in written for sentence in strays(of_one.rows)),
        ],
        figures={
            "cpu": again.cpu,
            "database_cpu": again.database_cpu,
            "first_cpu": first.cpu,
            "first_database_cpu": first.database_cpu,
            "peak_mb": max(one.peak_mb for one in seconds),
            "rows": of_again.rows,
            "items_written": sum(of_again.rows.get("scanner.item", {}).values()),
            "wal_mb": of_again.wal_bytes / 1e6,
            "first_wal_mb": of_first.wal_bytes / 1e6,
            "wal_share": of_again.wal_bytes / of_first.wal_bytes,
        },
    )


def strays(rows: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a sentence for each table that a rescan without changes must not write."""
    return [
        f"a rescan of what is unchanged wrote to {table}: {dict(counts)}"
        for table, counts in rows.items()
        if table not in SCAN_ROWS | OTHER_ROWS
    ]
