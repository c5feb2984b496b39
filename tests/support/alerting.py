"""An inventory to alert on: rows as the scanner would leave them, and a desk to judge them at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.alerting.steps import Desk
from shared.bus import Bus, Message
from shared.database import Pool
from shared.events import CredentialRef, Event, ItemKind, SecretExpiring
from tests.support.database import Database

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(slots=True)
class Estate:
    """The scanner's tables, written by the superuser."""

    database: Database
    vault_id: int = 0

    async def fill(self) -> None:
        """Make one subscription with one vault."""
        async with self.database.connection() as conn:
            await conn.execute("INSERT INTO scanner.subscription VALUES ('s-1', 'Payments', 'on')")
            self.vault_id = await conn.fetchval(
                """
                INSERT INTO scanner.vault (kind, name, uri, resource_id, subscription_id,
                       resource_group, region, sku, rbac)
                VALUES ('vault', 'kv-pay', 'https://kv-pay.example/', '/x', 's-1', 'rg', 'weu',
                        'standard', true)
                RETURNING id
                """
            )

    async def add(
        self,
        name: str = "db",
        *,
        days: float | None = 5,
        kind: ItemKind = ItemKind.SECRET,
        application: str | None = None,
        created_on: datetime = NOW - 90 * DAY,
    ) -> CredentialRef:
        """Add an item that ends in `days`; None: never."""
        end = None if days is None else NOW + days * DAY
        async with self.database.connection() as conn:
            item_id = await conn.fetchval(
                """
                INSERT INTO scanner.item (vault_id, subscription_id, kind, external_id, name,
                       enabled, managed, created_on, expires_on, warning_at, critical_at,
                       application_object_id, application_id, application_name)
                VALUES ($1, 's-1', $2, $3, $4, true, false, $5, $6, $6, $6, $7, $7, $7)
                RETURNING id
                """,
                *(self.vault_id, kind, str(uuid4()), name, created_on, end, application),
            )
        return CredentialRef(
            item_id=item_id,
            kind=kind,
            name=name,
            container=application or "kv-pay",
            subscription_id="s-1",
        )

    async def renew(self, ref: CredentialRef, *, days: float) -> None:
        await self._update(
            ref, "expires_on = $2, warning_at = $2, critical_at = $2", NOW + days * DAY
        )

    async def delete(self, ref: CredentialRef) -> None:
        await self._update(ref, "deleted_at = $2", NOW)

    async def disable(self, ref: CredentialRef) -> None:
        await self._update(ref, "enabled = $2", False)

    async def _update(self, ref: CredentialRef, change: str, value: object) -> None:
        async with self.database.connection() as conn:
            await conn.execute(
                f"UPDATE scanner.item SET {change} WHERE id = $1",  # noqa: S608 - a test's constant
                ref.item_id,
                value,
            )

    async def lose(self, ref: CredentialRef) -> None:
        async with self.database.connection() as conn:
            await conn.execute("DELETE FROM scanner.item WHERE id = $1", ref.item_id)

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """Read as the superuser."""
        async with self.database.connection() as conn:
            return [dict(row) for row in await conn.fetch(sql)]


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def desk_of(database: Database, clock: Clock) -> AsyncIterator[Desk]:
    """A desk on the database, with the alerting role and a bus that only emits."""
    async with database.pool("alerting") as pool:
        yield Desk(pool=pool, bus=bus_of(pool, "alerting"), clock=clock)


def bus_of(pool: Pool, service: str) -> Bus:
    return Bus("", service=service, pool=pool)


def expiring(ref: CredentialRef, *, days: float = 5, step: int = 7) -> SecretExpiring:
    return SecretExpiring(
        credential=ref, expires_on=NOW + days * DAY, threshold_days=step, status="critical"
    )


def message_of(event: Event, *, service: str = "alerting", time: datetime = NOW) -> Message:
    """A fresh delivery of an event."""
    event_id = uuid4()
    return Message(
        id=event_id,
        type=event.type,
        source="scanner",
        time=time,
        correlation_id=event_id,
        causation_id=None,
        attempt=0,
        queue=f"{service}.{event.type}",
    )
