"""Discovery of a large estate: a first scan with database and events, beside a plain lister.

Both ask the same sandbox the same questions at the same budget and with as many vaults at once;
the runs alternate, and of each side its best run counts.
"""

import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.clouds import World, sandbox
from benchmarks.databases import fresh, server
from benchmarks.lines import Bound, Line
from benchmarks.registry import Wanted
from benchmarks.scanning import Measured, our_scan, reference_scan

WORLD_B: Final = World(vaults=200)
WORLD_C: Final = World(vaults=1_000)
B_AT_ONCE: Final = 200
C_AT_ONCE: Final = 64


async def world_b(_: Wanted) -> AsyncIterator[Line]:
    """Measure 200 vaults, all of them at once."""
    bounds = (Bound(figure="ratio", most=2.5), Bound(figure="peak_mb", most=250))
    yield await _compare("discovery-B", WORLD_B, B_AT_ONCE, bounds, rounds=3)


async def world_c(_: Wanted) -> AsyncIterator[Line]:
    """Measure 1,000 vaults, 64 at once."""
    bounds = (Bound(figure="ratio", most=2.5), Bound(figure="peak_mb", most=400))
    yield await _compare("discovery-C", WORLD_C, C_AT_ONCE, bounds, rounds=2)


async def _compare(
    name: str, world: World, at_once: int, bounds: Sequence[Bound], *, rounds: int
) -> Line:
    ours: list[Measured] = []
    reference: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as folder:
        async with server() as cluster, sandbox(Path(folder), world) as clouds:
            await reference_scan(clouds, at_once)  # warms the sandbox; not counted
            for _ in range(rounds):
                reference.append(await reference_scan(clouds, at_once))
                async with fresh(cluster) as database:
                    ours.append(await our_scan(clouds, database, Path(folder), at_once))
    return _line(name, world, at_once, bounds, ours, reference)


def _line(
    name: str,
    world: World,
    at_once: int,
    bounds: Sequence[Bound],
    ours: Sequence[Measured],
    reference: Sequence[Measured],
) -> Line:
    best, plain = (min(side, key=lambda one: one.seconds) for side in (ours, reference))
    return Line(
        bench=name,
        ours=best.seconds,
        reference=plain.seconds,
        unit="s",
        what=(
            f"first scan of {world.vaults} vaults, {best.items} items, {at_once} vaults at once,"
            f" 30 ms a request, with database and events; reference: plain lister without them;"
            f" best of {len(ours)}, in turns"
        ),
        bounds=bounds,
        broken=differences([*ours, *reference]),
        figures={
            "peak_mb": max(one.peak_mb for one in ours),
            "cpu": best.cpu,
            "database_cpu": best.database_cpu,
            "sandbox_cpu": best.sandbox_cpu,
            "reference_cpu": plain.cpu,
            "reference_sandbox_cpu": plain.sandbox_cpu,
            "items": best.items,
            "calls": sum(best.calls.values()),
            "all_ours": [round(one.seconds, 3) for one in ours],
            "all_reference": [round(one.seconds, 3) for one in reference],
        },
    )


def differences(scans: Sequence[Measured]) -> list[str]:
    """Return a sentence where two scans did not ask the same, or did not find as much."""
    first, found = scans[0], []
    for other in scans[1:]:
        only = (first.calls - other.calls) + (other.calls - first.calls)
        if only:
            example = next(iter(only))
            found.append(f"{only.total()} calls are on one side only, as {example}")
        if other.items != first.items:
            found.append(f"one side found {first.items} items, the other {other.items}")
    return found
