"""Every message twice and in another order: the services keep what they keep without that."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from shared.bus import Bus, topology
from shared.database import Cluster
from tests.support.canonical import dump
from tests.support.database import Database, another_database
from tests.support.leftovers import bears_leftovers, leftovers_collected
from tests.support.namespace import service_bus
from tests.support.platform import running
from tests.support.rabbitmq import rabbitmq
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.shuffled import Shuffle, scatter, shuffling
from tests.support.waiting import eventually

__all__ = ["rabbitmq", "service_bus"]

CHANGES = 12
# The story fills at least these: a comparison of empty tables would show nothing.
FILLED = {
    "alerting.alert",
    "alerting.delivery",
    "audit.entry",
    "gateway.live_event",
    "gateway.scan_request",
    "rotator.noticed",
    "scanner.announcement",
    "scanner.change",
    "scanner.item",
    "scanner.item_detail",
    "scanner.permission",
    "scanner.schedule",
    "scanner.threshold",
    "scanner.vault",
}
PASSWORD = "a-long-walk-by-the-river"


@dataclass
class Site:
    """One platform with its administrator."""

    database: Database
    bus_url: str
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, **body: object) -> None:
        (await self.http.request(method, path, json=body)).raise_for_status()

    async def quiet(self) -> bool:
        """Say whether nothing waits anywhere and every scan is complete with its details."""
        async with self.database.pool("gateway") as pool:
            bus = Bus(self.bus_url, service="gateway", pool=pool)
            depths = await bus.operator.depths()
        assert not any(depth.dead for depth in depths)
        async with self.database.connection() as conn:
            unfinished = await conn.fetchval(
                "SELECT count(*) FROM scanner.scan"
                " WHERE state <> 'completed' OR coalesce(details_pending, 0) > 0"
            )
        waiting = sum(each.ready + each.delayed + (each.in_flight or 0) for each in depths)
        return not unfinished and not waiting


@asynccontextmanager
async def site(
    database: Database, estate: Sandbox, folder: Path, bus_url: str = ""
) -> AsyncIterator[Site]:
    folder.mkdir()
    async with (
        running(
            database, folder, sandbox=estate.ready, bus_url=bus_url, scan_when_empty=False
        ) as platform,
        httpx.AsyncClient(base_url=platform.url + "/api/v1", trust_env=False, timeout=30) as http,
    ):
        body = {"setup_token": platform.setup_token, "username": "ada", "password": PASSWORD}
        answer = (await http.post("/auth/login", json=body)).raise_for_status().json()
        http.headers["authorization"] = f"Bearer {answer['access_token']}"
        yield Site(database, bus_url, http)


async def settled(sites: list[Site], shuffle: Shuffle) -> None:
    async def look() -> bool:
        return not shuffle.later and all([await each.quiet() for each in sites])

    await eventually(look, seconds=120, pause=0.5)


async def begin(at: Site) -> None:
    await at.ask("POST", "/scans", mode="full")
    await at.ask("PUT", "/thresholds", scope="global", warning_days=45, critical_days=10)
    await at.ask("POST", "/schedules", name="nightly", cron="0 3 * * *")
    await at.ask("POST", "/permissions/check")


async def change(estate: Sandbox, known: Database) -> None:
    """Let some secrets end soon."""
    end = int((datetime.now(UTC) + timedelta(days=3)).timestamp())
    async with known.connection() as conn:
        secrets = await conn.fetch(
            "SELECT v.name AS vault, i.name FROM scanner.item i"
            " JOIN scanner.vault v ON v.id = i.vault_id"
            " WHERE i.kind = 'secret' AND NOT i.managed AND v.outcome = 'ok'"
            " ORDER BY v.name, i.name LIMIT $1",
            CHANGES,
        )
    for vault, name in secrets:
        estate.control.write(vault=vault, kind="secret", name=name, attributes={"exp": end})


@pytest.fixture(
    params=[
        "postgresql",
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
        pytest.param("servicebus", marks=bears_leftovers),
    ]
)
def bus_url(request: pytest.FixtureRequest) -> str:
    """The bus on which the messages are shuffled."""
    if request.param == "postgresql":
        return ""
    fixture = {"rabbitmq": "rabbitmq", "servicebus": "service_bus"}[request.param]
    url: str = request.getfixturevalue(fixture).url
    return url


@pytest.fixture
def estate(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """An estate of this test's own, which it changes."""
    with running_sandbox(tmp_path_factory.mktemp("estate"), "--profile", "random") as sandbox:
        monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        yield sandbox


@pytest.fixture(autouse=True)
async def _collected() -> AsyncIterator[None]:
    with leftovers_collected():
        yield


async def test_all_that_the_services_keep_is_the_same_as_without_it(
    migrated: Cluster,
    estate: Sandbox,
    tmp_path: Path,
    bus_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncExitStack() as stack:
        plain, mixed = [stack.enter_context(another_database(migrated)) for _ in range(2)]
        async with mixed.connection() as conn:
            await conn.execute("SET ROLE bus_owner")
            await topology.create(conn, bus_url, None)
        await scatter(mixed)
        with shuffling(monkeypatch, seed=20261125) as shuffle:
            shuffled = site(mixed, estate, tmp_path / "mixed", bus_url)
            sites = [await stack.enter_async_context(shuffled)]
        sites.append(await stack.enter_async_context(site(plain, estate, tmp_path / "plain")))
        for each in sites:
            await begin(each)
        await settled(sites, shuffle)
        await change(estate, plain)
        for each in sites:
            await each.ask("POST", "/scans", mode="full")
        await settled(sites, shuffle)
        expected, found = await dump(plain), await dump(mixed)

    print(f"{shuffle.handled} messages, {shuffle.repeated} of them handled once more")
    assert shuffle.handled == shuffle.repeated > 100
    assert {table for table, rows in expected.items() if rows} >= FILLED
    for table, rows in expected.items():
        assert found[table] == rows, table
