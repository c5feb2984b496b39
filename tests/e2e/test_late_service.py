"""A service that starts for the first time beside an inventory of a million items."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from shared.events import AlertRaised, ScanRequested, ScanShardRequested, SecretExpiring
from shared.ports import free_port
from tests.support.database import Database
from tests.support.platform import SECRET_KEY, running
from tests.support.processes import peak_megabytes, serving
from tests.support.waiting import eventually

ITEMS: Final = 1_000_000
EXPIRING: Final = 1_000
MOST_MEGABYTES: Final = 200
_VAULTS: Final = """
    INSERT INTO scanner.subscription (id, name, state) VALUES ('s', 'Contoso', 'Enabled');
    INSERT INTO scanner.vault (kind, name, uri, resource_id, subscription_id, resource_group,
           region, sku, rbac)
    SELECT 'vault', 'kv-' || n, 'https://kv-' || n || '.example/', '/kv/' || n, 's', 'rg', 'weu',
           'standard', true
    FROM generate_series(1, 100) AS n;
    INSERT INTO scanner.vault (kind, name) VALUES ('directory', 'Microsoft Entra ID')
"""
# Of a thousand items one ends in five days. Beside them stand as many of each kind that is silent:
# disabled, behind a certificate, not active yet, and superseded by a credential that lives on.
_ITEMS: Final = """
    INSERT INTO scanner.item (vault_id, subscription_id, kind, external_id, name, enabled, managed,
           not_before, created_on, expires_on, warning_at, critical_at, look_at)
    SELECT 1 + n % 100, 's', 'secret', 'secrets/s' || n, 's' || n, c.kind <> 1, c.kind = 2,
           CASE WHEN c.kind = 3 THEN now() + interval '1 day' END, now() - interval '1 year',
           c.ends, c.ends - interval '30 days', c.ends - interval '7 days',
           CASE WHEN c.kind NOT IN (1, 2) THEN c.ends - interval '60 days' END
    FROM generate_series(0, $1::integer - 1) AS n,
         LATERAL (SELECT n % 1000 AS kind,
                         now() + CASE WHEN n % 1000 < 4 THEN interval '5 days'
                                      ELSE interval '300 days' END AS ends) AS c
"""
_CREDENTIALS: Final = """
    INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed, not_before,
           expires_on, warning_at, critical_at, look_at, application_object_id, application_id,
           application_name)
    SELECT v.id, 'app_secret', 'app-' || n || '/' || age, 'ci', true, false,
           now() - age * interval '30 days', e.ends, e.ends - interval '30 days',
           e.ends - interval '7 days', e.ends - interval '60 days', 'app-' || n, 'app-' || n,
           'app-' || n
    FROM scanner.vault v, generate_series(1, $1::integer) AS n, generate_series(1, 2) AS age,
         LATERAL (SELECT now() + CASE age WHEN 2 THEN interval '5 days'
                                          ELSE interval '300 days' END AS ends) AS e
    WHERE v.kind = 'directory'
"""


async def a_million_items(database: Database) -> None:
    """Write the inventory as a scan would have left it, and let nobody be told of it yet."""
    async with database.connection() as admin:
        await admin.execute(_VAULTS)
        await admin.execute("DROP INDEX scanner.item_by_words, scanner.item_by_tags")
        await admin.execute(_ITEMS, ITEMS, timeout=300)
        await admin.execute(_CREDENTIALS, EXPIRING, timeout=60)
        await admin.execute("ANALYZE scanner.item", timeout=60)


async def count(database: Database, sql: str, *arguments: Any) -> int:
    async with database.connection() as admin:
        found: int = await admin.fetchval(sql, *arguments)
        return found


async def sent(database: Database, event: type[Any]) -> int:
    return await count(database, "SELECT count(*) FROM bus.message WHERE type = $1", event.type)


def variables(database: Database, name: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url(name),
        "SECRET_KEY": SECRET_KEY,
        "INTERNAL_PORT": str(free_port()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("announced", [True, False], ids=["announced before", "never announced"])
async def test_services_that_come_late_act_on_what_there_is_once_and_without_a_scan(
    database: Database, tmp_path: Path, *, announced: bool
) -> None:
    await a_million_items(database)
    if announced:
        async with running(database, tmp_path, names=["scanner"], scan_when_empty=False):
            await reaches(database, "SELECT count(*) FROM scanner.announcement WHERE announced")
    async with AsyncExitStack() as stack:
        alerting, rotator = [
            await stack.enter_async_context(serving(name, **variables(database, name)))
            for name in ("alerting", "rotator")
        ]
        await reaches(database, "SELECT count(*) FROM alerting.v_alert WHERE state = 'raised'")
        if announced:  # what was said before the rotator existed has waited for it
            await reaches(database, "SELECT count(*) FROM rotator.noticed")

        async def nothing_waits() -> bool:
            sql = "SELECT count(*) FROM bus.delivery WHERE queue ~ '^(alerting|rotator)'"
            return await count(database, sql) == 0

        await eventually(nothing_waits, seconds=120)
        assert peak_megabytes(alerting) < MOST_MEGABYTES
        assert peak_megabytes(rotator) < MOST_MEGABYTES

    assert await count(database, "SELECT count(*) FROM alerting.v_alert") == EXPIRING
    assert await count(database, "SELECT count(DISTINCT item_id) FROM alerting.v_alert") == EXPIRING
    assert await sent(database, AlertRaised) == EXPIRING
    assert await sent(database, SecretExpiring) == (EXPIRING if announced else 0)
    assert await sent(database, ScanRequested) == await sent(database, ScanShardRequested) == 0


async def reaches(database: Database, sql: str) -> None:
    """Wait until a count is what is to be announced."""

    async def there() -> bool:
        return await count(database, sql) >= EXPIRING

    await eventually(there, seconds=300)
