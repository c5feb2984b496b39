"""The bus: how soon a handler hears of a commit, and how many events are handled in a second.

Each side is a process and a database of its own, in turns. The reference does the same work in the
database (a claim in the inbox and an insert, in one transaction) with the broker's plain client.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.bus_client import WORKERS
from benchmarks.databases import Database, fresh, server
from benchmarks.lines import Bound, Line, percentile
from benchmarks.processes import result_of
from benchmarks.registry import Wanted
from shared.bus import topology
from shared.database import Cluster
from tests.support.namespace import Namespace
from tests.support.rabbitmq import Node

EVENTS: Final = 10_000
PROBES: Final = 200
ROUNDS: Final = 3
CLIENT_SECONDS: Final = 120.0
STOPPED_EVENTS: Final = 60
BUSES: Final = ("postgresql", "rabbitmq", "servicebus")
STOP_SECONDS: Final = 3.0
_TABLES: Final = """
    CREATE TABLE scanner.benchmark (id uuid PRIMARY KEY);
    CREATE TABLE scanner.benchmark_queue (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id uuid NOT NULL,
        body jsonb NOT NULL, visible_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON scanner.benchmark_queue (visible_at, seq);
    GRANT ALL ON scanner.benchmark, scanner.benchmark_queue TO scanner;
"""


async def bus(wanted: Wanted) -> AsyncIterator[Line]:
    """Measure both figures of each bus that is wanted."""
    async with server() as cluster:
        for kind in BUSES:
            names = [f"bus-{figure}-{kind}" for figure in ("latency", "throughput", "stop")]
            if not any(map(wanted, names)):
                continue
            async with address(kind) as url:
                if wanted(names[0]):
                    yield await _latency(cluster, kind, url)
                if wanted(names[1]):
                    yield await _throughput(cluster, kind, url)
                if wanted(names[2]):
                    yield await _stop(cluster, kind, url)


@asynccontextmanager
async def address(kind: str) -> AsyncIterator[str]:
    """Yield BUS_URL of a bus of this kind that nobody else uses."""
    if kind == "postgresql":
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as folder:
        broker = Node(Path(folder)) if kind == "rabbitmq" else Namespace(Path(folder))
        try:
            await asyncio.to_thread(broker.start)
            yield broker.url
        finally:
            await asyncio.to_thread(broker.close)


async def _throughput(cluster: Cluster, kind: str, url: str) -> Line:
    ours: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    relayed: list[float] = []
    for _ in range(ROUNDS):
        async with prepared(cluster, url) as database:
            filled = await _run("benchmarks.bus_client", "fill", url, database, EVENTS)
            relayed += filled.values()
            ours.append(await _run("benchmarks.bus_client", "consume", url, database, EVENTS))
        async with prepared(cluster, url) as database:
            if url:
                await _run("benchmarks.bus_client", "fill", url, database, EVENTS)
            plain.append(
                await _run(f"benchmarks.reference_{kind}", "consume", url, database, EVENTS)
            )
    other = await _other(cluster, url) if kind == "servicebus" else {}
    middle, reference = map(_median, (ours, plain))
    return Line(
        bench=f"bus-throughput-{kind}",
        ours=middle["per_s"],
        reference=reference["per_s"],
        unit="events/s",
        what=(
            f"{EVENTS} waiting events handled by {WORKERS} workers with inbox, telemetry and one"
            " insert each; reference: the plain client with the same transaction; medians of"
            f" {ROUNDS} rounds in turns"
        ),
        bounds=(Bound(figure="ratio", least=0.6),),
        figures={
            "cpu": middle["cpu"],
            "reference_cpu": reference["cpu"],
            "all_ours": [round(one["per_s"]) for one in ours],
            "all_reference": [round(one["per_s"]) for one in plain],
            **({"relayed_per_s": max(relayed)} if relayed else {}),
            **other,
        },
    )


def _median(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the middle one of an odd number of rounds."""
    return sorted(rounds, key=lambda one: one["per_s"])[len(rounds) // 2]


async def _other(cluster: Cluster, url: str) -> dict[str, float]:
    """Measure the other FastStream broker for Service Bus, once."""
    async with prepared(cluster, url) as database:
        await _run("benchmarks.bus_client", "fill", url, database, EVENTS)
        found = await _run("benchmarks.other_servicebus", "consume", url, database, EVENTS)
    return {
        "faststream_azure_servicebus_per_s": found["per_s"],
        "faststream_azure_servicebus_handled": found["handled"],
    }


async def _latency(cluster: Cluster, kind: str, url: str) -> Line:
    async with prepared(cluster, url) as database:
        ours = (await _run("benchmarks.bus_client", "latency", url, database, PROBES))["ms"]
    async with prepared(cluster, url) as database:
        plain = (await _run(f"benchmarks.reference_{kind}", "latency", url, database, PROBES))["ms"]
    return Line(
        bench=f"bus-latency-{kind}",
        ours=percentile(ours, 0.5),
        reference=percentile(plain, 0.5),
        unit="ms",
        what=(
            f"from before the commit to the handler, median of {PROBES} single events; reference:"
            " the plain client's way there"
        ),
        bounds=(Bound(figure="ours", most=10),),
        figures={"p99": percentile(ours, 0.99), "reference_p99": percentile(plain, 0.99)},
    )


async def _stop(cluster: Cluster, kind: str, url: str) -> Line:
    stopped: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        async with prepared(cluster, url) as database:
            await _run("benchmarks.bus_client", "fill", url, database, STOPPED_EVENTS)
            stopped.append(
                await _run("benchmarks.bus_client", "stop", url, database, STOPPED_EVENTS)
            )
    worst = max(one["beyond_s"] for one in stopped)
    return Line(
        bench=f"bus-stop-{kind}",
        ours=worst,
        reference=STOP_SECONDS,
        unit="s",
        what=(
            f"a stop with {WORKERS} handlers at work and more waiting, beyond the handlers' own"
            f" time; the longest of {ROUNDS}; then another process handles all that was left;"
            " reference: the limit"
        ),
        bounds=(Bound(figure="ours", most=STOP_SECONDS), Bound(figure="left_after_s", most=5.0)),
        figures={
            "handled": [one["handled"] for one in stopped],
            "left_after_s": max(one["left_after_s"] for one in stopped),
        },
    )


@asynccontextmanager
async def prepared(cluster: Cluster, url: str) -> AsyncIterator[Database]:
    """Yield a database whose bus is at `url`, with the tables of both sides."""
    async with fresh(cluster) as database:
        async with database.connection() as conn:
            await conn.execute(_TABLES)
            await conn.execute("SET ROLE bus_owner")
            await topology.create(conn, url)
        yield database


async def _run(module: str, what: str, url: str, database: Database, count: int) -> dict[str, Any]:
    # Each role's name is in its password too (`PASSWORDS`).
    by_role = database.url("scanner").replace("scanner", "{role}")
    argv = [module, what, url, by_role, str(count)]
    return await asyncio.to_thread(result_of, argv, seconds=CLIENT_SECONDS)
