"""Pages and figures of an inventory of a million items, through the gateway over HTTP.

Each page is asked for at the list's beginning and deep inside it, in turns with the bare SQL of the
same page on a connection of its own. The times are of single requests, one after another.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.databases import Database, fresh, server
from benchmarks.gateway import Gateway, gateway
from benchmarks.lines import Bound, Line, percentile
from benchmarks.pages import SEARCH_SECONDS, Asked, Places, Question, questions
from benchmarks.registry import Wanted
from services.gateway.domain.cursor import encode
from services.gateway.domain.scope import Scope
from services.gateway.queries.items import list_items
from services.gateway.queries.overview import read_overview
from services.gateway.store.live_events import wake
from shared.database import Connection, Pool, create_pool
from shared.events import ScanCompleted

ITEMS: Final = 1_000_000
REQUESTS: Final = 200
WARMING: Final = 10
OVERVIEWS: Final = 7
LOAD_SECONDS: Final = 600.0
LIMIT: Final = 100
MOST_MS: Final = 20.0
SCOPED_VAULTS: Final = tuple(range(1, 41))
_OVERVIEW: Final = "/api/v1/overview"
_ROWS: Final = Path(__file__).with_name("inventory_rows.sql")
_INDEXES: Final = """
    SELECT indexname AS name, indexdef AS made_by FROM pg_indexes
     WHERE schemaname = 'scanner' AND tablename = 'item'
       AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@dataclass(slots=True)
class Times:
    """Milliseconds of one page's requests."""

    ours: list[float] = field(default_factory=list)
    sql: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    deep: list[float] = field(default_factory=list)

    def add(self, ours: float, sql: float, *, deep: bool) -> None:
        self.ours.append(ours)
        self.sql.append(sql)
        (self.deep if deep else self.first).append(ours)


async def pages(wanted: Wanted) -> AsyncIterator[Line]:
    """Measure each page that is wanted, for everybody and for a scoped user, and the overview."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as folder:
        async with server() as cluster, fresh(cluster) as database:
            await load(database)
            async with gateway(database, Path(folder), SCOPED_VAULTS) as running:
                for question in questions():
                    for scope, http in (((), running.whole), (SCOPED_VAULTS, running.scoped)):
                        name = f"inventory-page-{question.name}{'-scoped' if scope else ''}"
                        if wanted(name):
                            before = running.process.cpu(), database.cpu()
                            times = await _page(name, question, database, http, scope)
                            after = running.process.cpu(), database.cpu()
                            spent = [end - begin for begin, end in zip(before, after, strict=True)]
                            yield _line(name, times, gateway_cpu=spent[0], database_cpu=spent[1])
                if wanted("inventory-overview"):
                    yield await _overview(database, running)


async def load(database: Database, items: int = ITEMS) -> None:
    """Make the estate: the rows first and then the indexes, which takes a third of the time."""
    async with database.connection() as conn:
        await conn.execute("SET statement_timeout = 0")
        indexes = await conn.fetch(_INDEXES)
        for index in indexes:
            await conn.execute(f"DROP INDEX scanner.{index['name']}")
        await conn.execute(_ROWS.read_text().replace("{items}", str(items)), timeout=LOAD_SECONDS)
        for index in indexes:
            await conn.execute(index["made_by"], timeout=LOAD_SECONDS)
        await conn.execute("VACUUM ANALYZE scanner.item", timeout=LOAD_SECONDS)
        await conn.execute("ANALYZE scanner.vault")


async def _page(
    name: str,
    question: Question,
    database: Database,
    http: httpx.AsyncClient,
    scope: Sequence[int],
) -> Times:
    """Ask for pages in turns with their SQL: of each list its first, then one inside it."""
    times, dice = Times(), random.Random(name)  # noqa: S311 - the same pages in every run
    reach = Scope(vault_ids=frozenset(scope)) if scope else None
    async with bare_pool(database) as pool, database.connection("gateway") as conn:
        await conn.execute("SET statement_timeout = 0")
        places = Places(conn, reach)
        lists = [question.params(dice) for _ in range((WARMING + REQUESTS) // 2)]
        for number in range(WARMING + REQUESTS):
            deep = number % 2 == 1
            asked = await places.throw(lists[number // 2], dice, deep=deep)
            ours = await _by_gateway(http, asked)
            plain = await _by_sql(pool, asked, reach)
            if number >= WARMING:
                times.add(ours, plain, deep=deep)
    return times


async def _by_gateway(http: httpx.AsyncClient, asked: Asked) -> float:
    """Return the milliseconds of the request, to the last byte of the answer."""
    params: dict[str, Any] = {**asked.params, "limit": LIMIT}
    if asked.cursor:
        params["cursor"] = encode(asked.cursor, asked.filter.question)
    began = time.perf_counter()
    answer = await http.get("/api/v1/items", params=params)
    took = time.perf_counter() - began
    answer.raise_for_status()
    return took * 1000


async def _by_sql(pool: Pool, asked: Asked, reach: Scope | None) -> float:
    """Return the milliseconds of the page's own statements, prepared, on one connection.

    As the query layer sends them: scope, count of the first page, and rows made into dicts.
    """
    return await _timed(
        list_items(pool, asked.filter, cursor=asked.cursor, limit=LIMIT, scope=reach)
    )


def _line(name: str, times: Times, *, gateway_cpu: float, database_cpu: float) -> Line:
    first, deep = percentile(times.first, 0.5), percentile(times.deep, 0.5)
    return Line(
        bench=name,
        ours=percentile(times.ours, 0.99),
        reference=percentile(times.sql, 0.99),
        unit="ms",
        what=(
            f"p99 of {REQUESTS} pages of {LIMIT} at {ITEMS} items, half of them the first of a list"
            " and the others deep in the same lists, through the gateway; reference: its query"
            " layer alone, on one connection"
        ),
        bounds=(Bound(figure="ours", most=MOST_MS), Bound(figure="deep_over_first", most=1.2)),
        figures={
            "p50": percentile(times.ours, 0.5),
            "sql_p50": percentile(times.sql, 0.5),
            "first_p50": first,
            "deep_p50": deep,
            "deep_over_first": deep / first,
            # Of one page; the database's is shared by both sides, which do the same there.
            "gateway_cpu": gateway_cpu * 1000 / (WARMING + REQUESTS),
            "database_cpu": database_cpu * 1000 / (WARMING + REQUESTS) / 2,
        },
    )


async def _overview(database: Database, running: Gateway) -> Line:
    """Ask for the overview as often as a scan ends: what was read before does not count then."""
    ours, scoped, sql = [], [], []
    async with bare_pool(database) as pool, database.connection() as conn:
        for _ in range(2 + OVERVIEWS):
            ours.append(await _read_anew(running.whole, conn))
            scoped.append(await _timed(running.scoped.get(_OVERVIEW)))
            sql.append(await _timed(read_overview(pool)))
    return Line(
        bench="inventory-overview",
        ours=percentile(ours[2:], 0.5),
        reference=percentile(sql[2:], 0.5),
        unit="ms",
        what=(
            f"the overview at {ITEMS} items, not cached, through the gateway; median of"
            f" {OVERVIEWS}; reference: its query layer alone"
        ),
        bounds=(Bound(figure="ours", most=150),),
        figures={"most": max(ours[2:]), "scoped": percentile(scoped[2:], 0.5)},
    )


async def _read_anew(http: httpx.AsyncClient, conn: Connection) -> float:
    """Return the milliseconds of the first overview that was read after a scan has ended."""
    await wake(conn, ScanCompleted.type)
    ended = await conn.fetchval("SELECT now()")
    async with asyncio.timeout(SEARCH_SECONDS):
        while True:
            began = time.perf_counter()
            answer = (await http.get(_OVERVIEW)).raise_for_status()
            took = time.perf_counter() - began
            # The gateway hears of the end on a connection of its own, a moment later.
            if datetime.fromisoformat(answer.json()["at"]) > ended:
                return took * 1000


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


@asynccontextmanager
async def bare_pool(database: Database) -> AsyncIterator[Pool]:
    """Lend one connection as the gateway's role."""
    pool = await create_pool(database.url("gateway"), service="gateway", max_size=1)
    try:
        yield pool
    finally:
        await pool.close()
