"""Ground truth: whatever the estate, every stored field of every item equals the sandbox's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.scanner.steps.first_look import FIRST_SCAN
from tests.support import truth
from tests.support.database import Database
from tests.support.estate import (
    all_differences,
    expected_items,
    first_pass_differences,
    kinds_in,
    sent_by_kind,
    stored_details,
)
from tests.support.platform import request_scan, running
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.waiting import eventually

SEEDS = range(101, 111)
PATIENCE_SECONDS = 240.0  # on a machine with other work
THOUSAND = (
    *("--profile", "varied", "--vaults", "1024", "--subscriptions", "16", "--regions", "3"),
    *("--vault-quota", "1000000", "--subscription-quota", "1000000"),
)


@asynccontextmanager
async def scanned(
    sandbox: Sandbox, database: Database, folder: Path, **settings: Any
) -> AsyncIterator[None]:
    """Serve the scanner on the sandbox until the block ends; its first scan has ended.

    The permission doctor's own probes are no part of the scans whose requests are counted.
    """
    cloud, names = sandbox.ready, ["scanner"]
    without = {"permission_check_hours": 0, **settings}
    async with running(database, folder, sandbox=cloud, names=names, **without):
        await ended(database, FIRST_SCAN)
        yield


async def ended(database: Database, scan_id: UUID) -> None:
    """Wait until a scan has ended."""

    async def is_completed() -> bool:
        async with database.connection() as admin:
            sql = "SELECT state = 'completed' FROM scanner.scan WHERE id = $1"
            return await admin.fetchval(sql, scan_id)

    await eventually(is_completed, seconds=PATIENCE_SECONDS)


async def pending(database: Database) -> int:
    """How many items' details the latest scan left over."""
    async with database.connection() as admin:
        sql = "SELECT details_pending FROM scanner.v_scan ORDER BY started_at DESC LIMIT 1"
        return await admin.fetchval(sql)


def lead_to(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_stored_field_of_every_item_equals_the_sandboxs(
    seed: int, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sandbox(tmp_path, "--profile", "random", "--seed", str(seed)) as sandbox:
        lead_to(sandbox, monkeypatch)
        async with scanned(sandbox, database, tmp_path):
            pass
        told = sandbox.control.truth()
        log = sandbox.control.log(identity="discover")

    details = await stored_details(database.url())
    assert len(expected_items(told)) > 50
    assert len({row["facts"].keys() != set() for row in details.values()}) == 2
    assert await all_differences(database.url(), told) == []
    assert await sent_by_kind(database.url()) == kinds_in(log)


async def test_a_tenant_of_a_thousand_vaults_is_known_to_the_last_field(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some vaults are deleted before the first scan, some after it; details take several scans."""
    with running_sandbox(tmp_path, *THOUSAND) as sandbox:
        lead_to(sandbox, monkeypatch)
        control = sandbox.control
        names = sorted(vault["name"] for vault in control.truth()["vaults"])
        for name in names[::128]:
            control.change("vaults", vault=name, deleted=True)
        fast = {"scan_requests_per_second": 100_000, "scan_detail_calls": 150}
        async with scanned(sandbox, database, tmp_path, **fast):
            told = control.truth()
            before = expected_items(told)
            assert await first_pass_differences(database.url(), told) == []
            assert await pending(database) > 0

            for name in names[1::64]:
                control.change("vaults", vault=name, deleted=True)
            while await pending(database) > 0:
                await ended(database, await request_scan(database))
        told = control.truth()
        log = control.log(identity="discover")

    assert len(told["vaults"]) == 1_000
    assert_varied(told)
    assert await all_differences(database.url(), told) == []
    assert await sent_by_kind(database.url()) == kinds_in(log)
    assert await removed(database) == len(before) - len(expected_items(told)) > 0


def assert_varied(told: dict[str, Any]) -> None:
    """Check that the tenant has what the test is about."""
    items = expected_items(told).values()
    kinds = {row["kind"] for row in items}
    assert kinds == {"secret", "key", "certificate", "app_secret", "app_certificate"}
    assert {row["enabled"] for row in items} == {row["managed"] for row in items} == {True, False}
    assert sum(len(vault["awaiting_certificates"]) for vault in told["vaults"]) > 100
    closed = truth.unreadable(told, "discover")
    walls = {vault["firewall"] for vault in told["vaults"] if vault["name"] in closed}
    assert walls == {"open", "selected-networks", "private-only"}
    assert len({vault["subscriptionId"] for vault in told["vaults"]}) == 16
    assert len({vault["location"] for vault in told["vaults"]}) == 3


async def removed(database: Database) -> int:
    """How many items are kept as tombstones."""
    async with database.connection() as admin:
        sql = "SELECT count(*) FROM scanner.v_item WHERE deleted_at IS NOT NULL"
        return await admin.fetchval(sql)
