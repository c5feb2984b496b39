"""Half states cannot be stored, whatever code has a fault."""

import asyncpg
import pytest

from shared.database import Pool
from tests.support.database import Database
from tests.support.scanner import Rig, a_credential, a_vault, an_item

HALF_STATES = {
    "an expiry without its windows": "UPDATE scanner.item SET expires_on = now()",
    "an expiry that is no date": "UPDATE scanner.item SET expires_on = 'infinity',"
    " warning_at = now(), critical_at = now()",
    "windows in the wrong order": "UPDATE scanner.item SET expires_on = now(),"
    " warning_at = now(), critical_at = now() - interval '1 hour'",
    "a window beyond what queries read": "UPDATE scanner.item SET expires_on = now(),"
    " warning_at = now() - interval '91 days', critical_at = now()",
    "a critical window beyond what queries read": "UPDATE scanner.item SET expires_on = now(),"
    " warning_at = now() - interval '40 days', critical_at = now() - interval '31 days'",
    "a look at what never alerts": "UPDATE scanner.item SET look_at = now()",
    "half an application": "UPDATE scanner.item SET application_name = NULL"
    " WHERE kind = 'app_secret'",
    "a vault without an address": "UPDATE scanner.vault SET uri = NULL WHERE kind = 'vault'",
    "a directory with an address": "UPDATE scanner.vault SET uri = 'x' WHERE kind = 'directory'",
    "a look without an outcome": "UPDATE scanner.vault SET outcome = NULL",
    "an unreadable vault that does not say why": "UPDATE scanner.vault SET outcome = 'denied'",
    "a readable vault with a reason": "UPDATE scanner.vault SET outcome_reason = 'x'",
    "a deleted vault that holds items": "UPDATE scanner.vault SET deleted_at = now()",
    "a fingerprint of no listing": "UPDATE scanner.vault SET listed_at = NULL",
    "a running scan with a result": "UPDATE scanner.scan SET state = 'running'",
    "a completed scan without its result": "UPDATE scanner.scan SET completed_at = NULL",
    "a partial scan that does not say why": "UPDATE scanner.scan SET outcome = 'partial'",
    "a finished source without an outcome": "UPDATE scanner.scan_vault SET outcome = NULL",
    "an unreadable source that does not say why": "UPDATE scanner.scan_vault"
    " SET outcome = 'denied', added = 0, first_change_id = NULL, last_change_id = NULL",
    "an unreadable source that changed something": "UPDATE scanner.scan_vault"
    " SET outcome = 'denied', reason = 'x'",
    "a range with one end": "UPDATE scanner.scan_vault SET last_change_id = NULL",
    "changes without a range": "UPDATE scanner.scan_vault SET added = 0",
    "a change that names nothing": "UPDATE scanner.change SET what = 'changed'",
    "a configuration that was read and is not there": "UPDATE scanner.vault"
    " SET configuration_outcome = 'ok' WHERE kind = 'vault'",
    "an unread configuration that does not say why": "UPDATE scanner.vault"
    " SET configuration_outcome = 'failed'",
    "grants that were listed at no time": "UPDATE scanner.subscription SET grants_outcome = 'ok'",
    "unlisted grants that do not say why": "UPDATE scanner.subscription"
    " SET grants_outcome = 'denied'",
    "diagnostics that were read and are not there": "INSERT INTO scanner.vault_diagnostics"
    " (vault_id, outcome, described) SELECT id, 'ok', 'x' FROM scanner.vault",
    "unread diagnostics that do not say why": "INSERT INTO scanner.vault_diagnostics"
    " (vault_id, outcome, described) SELECT id, 'denied', 'x' FROM scanner.vault",
    "a change of a setting that changes nothing": "INSERT INTO scanner.vault_change"
    " (scan_id, vault_id, field, before, after)"
    " SELECT gen_random_uuid(), id, 'sku', '1', '1' FROM scanner.vault",
    "an outcome that nobody knows": "UPDATE scanner.vault SET outcome = 'fine'",
}


@pytest.mark.parametrize("statement", HALF_STATES.values(), ids=HALF_STATES.keys())
async def test_a_half_state_is_refused(rig: Rig, statement: str) -> None:
    rig.cloud.put(a_vault(), an_item())
    rig.cloud.credentials_seen = [a_credential("k")]
    await rig.scan()

    with pytest.raises(asyncpg.CheckViolationError):
        await rig.pool.execute(statement)


async def test_there_is_one_directory_and_one_vault_at_an_address(rig: Rig, pool: Pool) -> None:
    rig.cloud.put(a_vault(), an_item())
    await rig.scan()

    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute("INSERT INTO scanner.vault (kind, name) VALUES ('directory', 'second')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute(
            "INSERT INTO scanner.vault (kind, name, uri, resource_id, subscription_id,"
            " resource_group, region, sku, rbac)"
            " SELECT 'vault', name, upper(uri), '/other', subscription_id, resource_group, region,"
            " sku, rbac FROM scanner.vault WHERE kind = 'vault'"
        )


async def test_an_item_exists_once_in_its_vault(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item())
    await rig.scan()

    with pytest.raises(asyncpg.UniqueViolationError):
        await rig.pool.execute(
            "INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed)"
            " SELECT vault_id, kind, external_id, name, enabled, managed FROM scanner.item"
        )


async def test_a_page_by_expiry_and_by_status_walks_an_index(rig: Rig, database: Database) -> None:
    held = [an_item(f"s{n}") for n in range(1000)]
    rig.cloud.put(a_vault(), *held)
    await rig.scan()

    async with database.connection() as admin:
        await admin.execute("VACUUM ANALYZE scanner.item")
        await admin.execute("SET enable_sort = off; SET enable_seqscan = off")
        for condition in (
            "deleted_at IS NULL",
            "deleted_at IS NULL AND subscription_id = 'sub-east'",
            (
                "deleted_at IS NULL AND enabled AND exp_sort > now()"
                " AND exp_sort < now() + interval '30 days' AND critical_at < now()"
            ),
        ):
            plan = await admin.fetch(
                f"EXPLAIN SELECT id, name, status FROM scanner.v_item WHERE {condition}"  # noqa: S608 - from above
                " ORDER BY exp_sort, id LIMIT 100"
            )
            text = "\n".join(row[0] for row in plan)
            assert "Index Scan using item_by_" in text
            assert "Sort" not in text
            # The names were not asked for, so their tables are not read.
            assert "subscription_pkey" not in text
