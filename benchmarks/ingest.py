"""Writing listings into the inventory, beside COPY and MERGE of the same rows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from benchmarks.databases import Database, fresh, server
from benchmarks.ingest_client import ITEMS, VAULTS
from benchmarks.lines import Bound, Line
from benchmarks.processes import result_of
from benchmarks.registry import Wanted

ROUNDS: Final = 3
CLIENT_SECONDS: Final = 300.0
_ESTATE: Final = """
    INSERT INTO scanner.subscription (id, name, state) VALUES ('sub', 'Contoso', 'Enabled');
    INSERT INTO scanner.vault (
        kind, name, uri, resource_id, subscription_id, resource_group, region, sku, rbac
    )
    SELECT 'vault', 'kv-' || n, 'https://kv-' || n || '.test/', '/v/' || n, 'sub', 'rg', 'here',
           'standard', true
      FROM generate_series(1, {vaults}) AS n;
    GRANT TEMPORARY ON DATABASE {name} TO scanner;
"""


async def ingest(wanted: Wanted) -> AsyncIterator[Line]:
    """Measure both passes of both sides, each in a process and a database of its own."""
    del wanted
    sides: dict[str, list[dict[str, Any]]] = {"reference": [], "ours": []}
    async with server() as cluster:
        for _ in range(ROUNDS):
            for side, results in sides.items():
                async with fresh(cluster) as database:
                    results.append(await _measured(database, side))
    for name, least in (("new", 0.6), ("unchanged", 0.8)):
        yield _line(name, least, sides["ours"], sides["reference"])


async def _measured(database: Database, side: str) -> dict[str, Any]:
    async with database.connection() as conn:
        await conn.execute(_ESTATE.format(vaults=VAULTS, name=database.name))
    before = database.cpu()
    argv = ["benchmarks.ingest_client", side, database.url("scanner")]
    found = await asyncio.to_thread(result_of, argv, seconds=CLIENT_SECONDS)
    return found | {"database_cpu": database.cpu() - before}


def _line(
    name: str, least: float, ours: list[dict[str, Any]], reference: list[dict[str, Any]]
) -> Line:
    best, plain = (
        max(side, key=lambda one: float(one[name]["rows_per_s"])) for side in (ours, reference)
    )
    forced = max(one["forced"]["rows_per_s"] for one in ours)
    return Line(
        bench=f"ingest-{name}",
        ours=best[name]["rows_per_s"],
        reference=plain[name]["rows_per_s"],
        unit="rows/s",
        what=(
            f"{VAULTS} vaults of {ITEMS} {name} items each, gathered and recorded with change feed,"
            f" checkpoint and event; reference: COPY and MERGE of the same rows; best of {ROUNDS},"
            " in turns"
        ),
        bounds=(Bound(figure="ratio", least=least),),
        figures={
            "cpu": best[name]["cpu"],
            "reference_cpu": plain[name]["cpu"],
            "database_cpu_all_passes": best["database_cpu"],
            "reference_database_cpu_all_passes": plain["database_cpu"],
            "all_ours": [round(one[name]["rows_per_s"]) for one in ours],
            "all_reference": [round(one[name]["rows_per_s"]) for one in reference],
            **({"forced_rows_per_s": forced} if name == "unchanged" else {}),
        },
    )
