"""The live stream of somebody with a scope: their own vaults' events, and no others."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from shared.clock import utc_now
from shared.events import (
    AlertRaised,
    AlertResolved,
    CredentialRef,
    Event,
    ItemKind,
    ScanCompleted,
    SecretExpiring,
)
from shared.events.alerting import Severity
from shared.events.scanning import ScanOutcome
from tests.integration.gateway.test_scope import ALERTS, SCAN, SCANNED
from tests.support.database import Database
from tests.support.gateway import SeedItem, running_gateway, seed_estate
from tests.support.watching import happen, scanned, serving, watching


def of_item(item_id: int) -> list[Event]:
    """Return events that name an item."""
    credential = CredentialRef(item_id=item_id, kind=ItemKind.SECRET, name="n", container="kv")
    return [
        SecretExpiring(
            credential=credential,
            expires_on=utc_now() + timedelta(days=7),
            threshold_days=7,
            status="critical",
        ),
        AlertRaised(
            alert_id=uuid4(),
            alert_type="secret_expiring",
            severity=Severity.HIGH,
            title="Title",
            credential=credential,
            raised_at=utc_now(),
        ),
    ]


async def events_of(database: Database) -> list[Event]:
    """Write two items, their alerts and a scan; return what is told of them, and of nothing."""
    await seed_estate(database, [SeedItem(name="seen", vault=1), SeedItem(name="unseen", vault=2)])
    async with database.connection() as conn:
        await conn.execute(ALERTS + ";" + SCANNED)
        alerts = await conn.fetch("SELECT id FROM alerting.alert ORDER BY item_id")
    resolved = [
        AlertResolved(alert_id=row["id"], resolved_at=utc_now(), evidence="Seen.") for row in alerts
    ]
    ended = ScanCompleted(
        scan_id=SCAN,  # type: ignore[arg-type] # pydantic reads the text
        outcome=ScanOutcome.PARTIAL,
        vaults=3,
        unreadable=1,
        items=50,
        added=9,
        changed=0,
        removed=0,
        seconds=1.0,
    )
    foreign: list[Event] = [scanned(2), *of_item(2), resolved[1], *of_item(999)]
    return [*foreign, scanned(1), *of_item(1), resolved[0], ended]


async def test_a_stream_tells_of_ones_own_vaults_and_of_no_others(
    database: Database, tmp_path: Path
) -> None:
    scope = Scope(vault_ids=frozenset({1}))
    told = await events_of(database)
    async with (
        running_gateway(
            database, tmp_path, scope_of=lambda who: scope if who.role is Role.VIEWER else None
        ) as gateway,
        serving(gateway) as url,
    ):
        seen: dict[Role, list[dict[str, Any]]] = {}
        viewer, admin = await gateway.token(Role.VIEWER), await gateway.token(Role.ADMIN)
        async with watching(url, viewer) as own, watching(url, admin) as whole:
            await own.frame()
            await whole.frame()
            for event in told:
                await happen(gateway, event)
            seen[Role.VIEWER] = await own.events(5)
            seen[Role.ADMIN] = await whole.events(len(told))

    assert [event["type"] for event in seen[Role.VIEWER]] == [event.type for event in told[-5:]]
    assert [event["type"] for event in seen[Role.ADMIN]] == [event.type for event in told]
    ended = seen[Role.VIEWER][-1]
    assert ended["data"] == {"scan_id": SCAN}
    assert "50" not in ended["summary"]
    assert (ended["progress"]["items"], ended["progress"]["unreadable"]) == (5, 0)
    assert seen[Role.ADMIN][-1]["progress"]["items"] == 50


async def test_a_stream_ends_when_its_readers_scope_changes_and_tells_nothing_beyond_the_new_one(
    database: Database, tmp_path: Path
) -> None:
    await seed_estate(database, [SeedItem(name="mine", vault=1)])
    async with running_gateway(database, tmp_path) as gateway, serving(gateway) as url:
        token = await gateway.token(Role.VIEWER)
        async with watching(url, token) as reader:
            await reader.frame()
            await gateway.pool.execute("UPDATE gateway.app_user SET scope = 'vault:KV-Pay'")
            await happen(gateway, scanned(2))
            after = await reader.frame()
        async with watching(url, token) as reader:
            await reader.frame()
            await happen(gateway, scanned(2))
            await happen(gateway, scanned(1))
            (seen,) = await reader.events(1)

    assert not after, "it ends without a word, and the browser comes back"
    assert seen["data"]["vault_id"] == 1
