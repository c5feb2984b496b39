"""What sick vaults cost the healthy ones: a scan with every fault at once, beside one without.

Each fault meets the second page of one vault's secrets. What is measured is the time until every
other vault is read; the same vaults in both scans, which are made in turns.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from benchmarks.clouds import Sandbox, World, sandbox
from benchmarks.databases import Database, fresh, server
from benchmarks.lines import Bound, Line
from benchmarks.processes import Child
from benchmarks.registry import Wanted
from benchmarks.scanning import POLL_SECONDS, SCAN_SECONDS, request, scanner_of

WORLD: Final = World(vaults=64)
AT_ONCE: Final = 64
LATENCY_SECONDS: Final = 0.15
SLOWNESS: Final = {"host": "vault", "latency_seconds": LATENCY_SECONDS}
ROUNDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one vault, and what looking at it must come to."""

    name: str
    outcome: str
    rule: Mapping[str, Any]


def _closing(**change: object) -> Mapping[str, Any]:
    """Return the rule that changes the vault itself; the name is filled in by `_rules`."""
    return {"first": {"vaults": [change]}}


FAULTS: Final = (
    Fault(name="throttled", outcome="throttled", rule={"status": 429}),
    Fault(name="server error", outcome="failed", rule={"status": 500}),
    Fault(name="reset", outcome="failed", rule={"reset": True}),
    Fault(name="hanging", outcome="timed_out", rule={"hang": True}),
    Fault(name="trickling", outcome="timed_out", rule={"trickle_seconds": 0.5}),
    Fault(name="not JSON", outcome="failed", rule={"spoil": "not-json"}),
    Fault(name="truncated", outcome="failed", rule={"spoil": "truncated"}),
    Fault(name="forbidden", outcome="denied", rule=_closing(denied=True)),
    Fault(name="firewalled", outcome="firewalled", rule=_closing(firewall="private-only")),
    Fault(name="deleted", outcome="not_found", rule=_closing(deleted=True)),
    Fault(
        name="token revoked",
        outcome="ok",
        rule={"first": {"identity": {"revoke": "discover"}}, "count": 1},
    ),
)
SICK: Final = {f"kv-scale-{number:05d}": fault for number, fault in enumerate(FAULTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One scan: seconds until the healthy vaults were read, their items, and what the sick came to.

    The last is known only of a scan whose end was waited for.
    """

    seconds: float
    cpu: float
    items: int
    outcomes: Mapping[str, str]


async def faults(_: Wanted) -> AsyncIterator[Line]:
    """Scan the same vaults with and without sick ones among them."""
    plain: list[Measured] = []
    disturbed: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as name:
        folder = Path(name)
        async with server() as cluster, sandbox(folder, WORLD) as clouds:
            _replace_rules(clouds, [SLOWNESS])
            for number in range(ROUNDS + 1):
                async with fresh(cluster) as database:
                    first = await _scan(clouds, database, folder)
                async with fresh(cluster) as database:
                    with _sick(clouds):
                        again = await _scan(clouds, database, folder, to_end=number == ROUNDS)
                if number:  # the first round warms the sandbox
                    plain.append(first)
                    disturbed.append(again)
    yield _line(plain, disturbed)


@contextmanager
def _sick(clouds: Sandbox) -> Iterator[None]:
    """Let every fault stand until the block ends; the vaults are well again then."""
    _replace_rules(clouds, [*_rules(), SLOWNESS])
    try:
        yield
    finally:
        _replace_rules(clouds, [SLOWNESS])
        for name in SICK:
            well = {"vault": name, "deleted": False, "denied": False, "firewall": "open"}
            clouds.http.post("vaults", json=well).raise_for_status()


def _rules() -> list[dict[str, Any]]:
    """Return the rule of each sick vault, as slow as every other request."""
    found = []
    for name, fault in SICK.items():
        rule = {"host": f"^{name}[.]", "path": "^/secrets$", "query": "skiptoken", **fault.rule}
        first = dict(rule.get("first", {}))
        if "vaults" in first:
            first["vaults"] = [{"vault": name, **change} for change in first["vaults"]]
        found.append(rule | ({"first": first} if first else {}))
    return [rule | {"latency_seconds": LATENCY_SECONDS} for rule in found]


def _replace_rules(clouds: Sandbox, rules: Sequence[Mapping[str, Any]]) -> None:
    clouds.http.delete("faults").raise_for_status()
    for rule in rules:
        clouds.http.post("faults", json=rule).raise_for_status()


async def _scan(
    clouds: Sandbox, database: Database, folder: Path, *, to_end: bool = False
) -> Measured:
    async with scanner_of(clouds, database, folder, AT_ONCE) as scanner:
        before, began = scanner.cpu(), time.perf_counter()
        scan_id = await request(database)
        items = await _healthy_are_read(database, scan_id, scanner)
        seconds, cpu = time.perf_counter() - began, scanner.cpu() - before
        outcomes = await _outcomes(database, scan_id, scanner) if to_end else {}
    return Measured(seconds=seconds, cpu=cpu, items=items, outcomes=outcomes)


async def _healthy_are_read(database: Database, scan_id: UUID, scanner: Child) -> int:
    """Return how many items the healthy vaults hold once each of them was read."""
    async with database.connection() as conn, asyncio.timeout(SCAN_SECONDS):
        while True:
            row = await conn.fetchrow(_HEALTHY, scan_id, list(SICK))
            if row is not None and row["read"] == WORLD.vaults - len(SICK):
                items: int = row["items"]
                return items
            scanner.ensure_alive()
            await asyncio.sleep(POLL_SECONDS)


async def _outcomes(database: Database, scan_id: UUID, scanner: Child) -> dict[str, str]:
    """Return what each sick vault came to, once the scan has ended."""
    async with database.connection() as conn, asyncio.timeout(SCAN_SECONDS):
        while not await conn.fetchval(_ENDED, scan_id):
            scanner.ensure_alive()
            await asyncio.sleep(1)
        rows = await conn.fetch(_SICK, scan_id, list(SICK))
    return {row["name"]: row["outcome"] for row in rows}


_HEALTHY: Final = """
    SELECT count(*) FILTER (WHERE sv.outcome = 'ok') AS read,
           coalesce(sum(sv.items), 0)::bigint AS items
      FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id
     WHERE sv.scan_id = $1 AND v.kind = 'vault' AND v.name <> ALL ($2::text[])
"""
_ENDED: Final = "SELECT state = 'completed' FROM scanner.scan WHERE id = $1"
_SICK: Final = """
    SELECT v.name, sv.outcome
      FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id
     WHERE sv.scan_id = $1 AND v.name = ANY ($2::text[])
"""


def _line(plain: Sequence[Measured], disturbed: Sequence[Measured]) -> Line:
    best, reference = (min(side, key=lambda one: one.seconds) for side in (disturbed, plain))
    healthy = WORLD.vaults - len(SICK)
    return Line(
        bench="discovery-faults",
        ours=best.seconds,
        reference=reference.seconds,
        unit="s",
        what=(
            f"until {healthy} healthy vaults of {WORLD.vaults} are read, {best.items} items,"
            f" {LATENCY_SECONDS * 1000:.0f} ms a request, while {len(SICK)} have each another fault"
            " on their second page; reference: the same vaults when none is sick;"
            f" best of {ROUNDS}, in turns"
        ),
        bounds=(Bound(figure="ratio", most=1.1),),
        broken=[
            *wrong_outcomes(disturbed[-1].outcomes),
            *wrong_items([*plain, *disturbed]),
        ],
        figures={
            "cpu": best.cpu,
            "reference_cpu": reference.cpu,
            "all_ours": [round(one.seconds, 3) for one in disturbed],
            "all_reference": [round(one.seconds, 3) for one in plain],
            "sick": [fault.name for fault in FAULTS],
        },
    )


def wrong_outcomes(outcomes: Mapping[str, str]) -> list[str]:
    """Return a sentence for each sick vault that came to something else than it must."""
    return [
        f"the vault with the fault `{fault.name}` came to {outcomes.get(name)}, not {fault.outcome}"
        for name, fault in SICK.items()
        if outcomes.get(name) != fault.outcome
    ]


def wrong_items(scans: Sequence[Measured]) -> list[str]:
    """Return a sentence when not every scan found the same number of items in healthy vaults."""
    counts = sorted({one.items for one in scans})
    return [] if len(counts) == 1 else [f"the healthy vaults held {counts} items"]
