"""Several replicas as real processes: one budget for all, and a killed one's work goes on."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.database import Pool
from shared.events import ScanCompleted, VaultScanned
from tests.support.database import Database
from tests.support.replicas import replicas
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.waiting import eventually

VAULTS, SECRETS, KEYS = 12, 60, 30
PAGES = 3 + 2 + 1
RATE = 20.0
ONE_REGION = ("--certificates", "0", "--subscriptions", "1", "--regions", "1")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    size = ("--vaults", str(VAULTS), "--secrets", str(SECRETS), "--keys", str(KEYS))
    folder = tmp_path_factory.mktemp("tenant")
    with running_sandbox(folder, "--profile", "large", *size, *ONE_REGION) as running:
        yield running


async def scan_row(pool: Pool, scan_id: UUID) -> dict[str, Any]:
    row = await pool.fetchrow(
        "SELECT state, outcome, vaults_done, items, added FROM scanner.v_scan WHERE id = $1",
        scan_id,
    )
    return dict(row) if row else {"state": None, "vaults_done": 0}


async def ended(pool: Pool, scan_id: UUID) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        row = await scan_row(pool, scan_id)
        return row if row["state"] == "completed" else None

    row = await eventually(look, seconds=150)
    assert row is not None
    return row


async def emitted(database: Database, kind: type[Any]) -> Counter[Any]:
    """How often each vault or scan was told of."""
    async with database.connection() as admin:
        rows = await admin.fetch("SELECT body FROM bus.message WHERE type = $1", kind.type)
    events = [kind.model_validate_json(row["body"]) for row in rows]
    return Counter((e.scan_id, getattr(e, "vault_name", "")) for e in events)


def most_in_any_span(counters: list[dict[str, Any]]) -> Iterator[tuple[int, int]]:
    """Yield for each span of whole seconds its length and how many requests it saw."""
    seen = {each["second"]: each["served"] + each["throttled"] for each in counters}
    for begin in seen:
        for end in seen:
            if end >= begin:
                yield end - begin + 1, sum(n for s, n in seen.items() if begin <= s <= end)


async def test_three_replicas_and_three_scans_at_once_stay_within_one_budget(
    database: Database, pool: Pool, tenant: Sandbox, tmp_path: Path
) -> None:
    tenant.control.clear_counters()
    with replicas(database, tenant, tmp_path, rate=RATE) as scanners:
        for _ in range(3):
            scanners.start()
        scans = [await scanners.request() for _ in range(3)]

        rows = [await ended(pool, scan_id) for scan_id in scans]

    assert [row["outcome"] for row in rows] == ["complete"] * 3
    counters = tenant.control.counters()
    assert sum(each["served"] for each in counters) == 3 * VAULTS * PAGES
    assert sum(each["throttled"] for each in counters) == 0
    # A second more than the span: the burst, and the loaded machine's delays.
    assert all(seen <= RATE * (seconds + 1) + 1 for seconds, seen in most_in_any_span(counters))
    assert set((await emitted(database, ScanCompleted)).values()) == {1}


async def test_a_killed_replicas_shard_goes_on_after_its_last_finished_vault(
    database: Database, pool: Pool, tenant: Sandbox, tmp_path: Path
) -> None:
    tenant.control.clear_log()
    with replicas(database, tenant, tmp_path, rate=RATE) as scanners:
        first = scanners.start()
        with tenant.control.fault(host="^kv-scale-000(08|09|10|11)[.]", hang=True):
            scan_id = await scanners.request()

            async def well_under_way() -> bool:
                """All but the four that hang, and the directory."""
                return int((await scan_row(pool, scan_id))["vaults_done"]) == VAULTS - 4 + 1

            await eventually(well_under_way)
            scanners.kill(first)
        done = await pool.fetch(
            "SELECT vault_name FROM scanner.v_scan_vault WHERE scan_id = $1 AND state = 'done'",
            scan_id,
        )
        for _ in range(2):
            scanners.start()

        row = await ended(pool, scan_id)

    calls = Counter(entry["host"].partition(".")[0] for entry in tenant.control.log())
    finished = {each["vault_name"] for each in done if each["vault_name"].startswith("kv-")}
    assert len(finished) == VAULTS - 4
    assert {calls[name] for name in finished} == {PAGES}
    assert row["outcome"] == "complete"
    held = VAULTS * (SECRETS + KEYS)
    assert await pool.fetchval("SELECT count(*) FROM scanner.v_item") == (row["items"])
    assert row["items"] == row["added"] >= held
    assert await pool.fetchval("SELECT count(*) FROM scanner.v_change") == row["added"]
    assert (await emitted(database, ScanCompleted)) == {(scan_id, ""): 1}
    assert set((await emitted(database, VaultScanned)).values()) == {1}


async def test_a_vault_of_a_hundred_thousand_secrets_does_not_fill_the_memory(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    """At a rate below the vault's own quota of 400 a second, which loopback would reach."""
    size = ("--vaults", "2", "--secrets", "10", "--keys", "0", "--largest", "100000")
    with (
        running_sandbox(tmp_path, "--profile", "large", *size, *ONE_REGION) as huge,
        replicas(database, huge, tmp_path, rate=350.0) as scanners,
    ):
        scanner = scanners.start()

        row = await ended(pool, await scanners.request())

        reasons = await pool.fetch(
            "SELECT vault_name, reason FROM scanner.v_scan_vault WHERE outcome <> 'ok'"
        )
        assert row["outcome"] == "complete", [dict(each) for each in reasons]
        found = await pool.fetchval("SELECT max(items) FROM scanner.v_vault")
        assert found == 100_000
        assert scanners.peak_megabytes(scanner) < 250
    assert await pool.fetchval("SELECT count(*) FROM scanner.staged") == 0
