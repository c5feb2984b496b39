"""A tenant's inventory with an application and vault secrets, and messages to the rotator."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from services.rotator import handlers
from shared.bus import Message
from shared.database import Pool
from shared.events import (
    CredentialChangeRequested,
    CredentialRef,
    ItemKind,
    RotationChangeRequested,
    RotationPauseRequested,
    RotationRequested,
)
from shared.events.rotation import PauseScope, RotationChange
from shared.features import Feature
from tests.support.alerting import NOW, Estate, message_of
from tests.support.database import Database

OBJECT_ID = "00000000-0000-4000-8000-0000000000a1"
APP_ID = "00000000-0000-4000-8000-0000000000b2"
RESOURCE = (
    "/subscriptions/00000000-0000-4000-8000-0000000000d4/resourceGroups/rg-Shop/providers"
    "/Microsoft.Storage/storageAccounts/stshop"
)
KEY_ID = "00000000-0000-4000-8000-0000000000c3"


def message(event: Any, *, time: datetime = NOW) -> Message:
    return message_of(event, service="rotator", time=time)


@dataclass
class Licence:
    """A licence that a test changes."""

    allowed: Collection[Feature] = field(default_factory=lambda: frozenset(Feature))

    async def allows(self, feature: Feature) -> bool:
        return feature in self.allowed

    def withdraw(self) -> None:
        """Allow rotation no longer."""
        self.allowed = set(Feature) - {Feature.ROTATION}


@dataclass
class Tenant:
    """Two secrets in a vault that hold an application's password."""

    estate: Estate
    pool: Pool
    app: CredentialRef
    secrets: list[CredentialRef]
    licence: Licence

    async def confirm(self, *places: CredentialRef, item: CredentialRef | None = None) -> UUID:
        """Confirm that these secrets hold the application's credential."""
        event = CredentialChangeRequested(
            credential_id=uuid4(),
            item_id=(item or self.app).item_id,
            place_ids=tuple(place.item_id for place in places or self.secrets),
            requested_by="ada",
        )
        await handlers.on_credential_change_requested(
            event, message(event), pool=self.pool, wake=nobody
        )
        return event.credential_id

    async def confirm_key(
        self, *places: CredentialRef, resource: str = RESOURCE, slot: str | None = "key1"
    ) -> UUID:
        """Confirm that these secrets hold a key of a resource."""
        event = CredentialChangeRequested(
            credential_id=uuid4(),
            resource=resource,
            slot=slot,
            place_ids=tuple(place.item_id for place in places or self.secrets),
            requested_by="ada",
        )
        await handlers.on_credential_change_requested(
            event, message(event), pool=self.pool, wake=nobody
        )
        return event.credential_id

    async def release(self, credential_id: UUID) -> None:
        event = CredentialChangeRequested(
            credential_id=credential_id,
            item_id=self.app.item_id,
            place_ids=(),
            requested_by="ada",
        )
        await handlers.on_credential_change_requested(
            event, message(event), pool=self.pool, wake=nobody
        )

    async def ask(
        self,
        credential_id: UUID,
        *,
        times: int = 1,
        emergency: bool = False,
        approval: bool = False,
    ) -> UUID:
        """Ask for a rotation; `times` is how often the message is delivered."""
        event = RotationRequested(
            rotation_id=uuid4(),
            credential_id=credential_id,
            credential=self.app,
            requested_by="ada",
            emergency=emergency,
            approval_required=approval,
        )
        delivered = message(event)
        for _ in range(times):
            await handlers.on_rotation_requested(
                event, delivered, pool=self.pool, features=self.licence, wake=nobody
            )
        return event.rotation_id

    async def want(self, rotation_id: UUID, change: RotationChange, **given: Any) -> None:
        event = RotationChangeRequested(
            rotation_id=rotation_id, change=change, **{"requested_by": "ada", **given}
        )
        await handlers.on_rotation_change_requested(
            event, message(event), pool=self.pool, wake=nobody
        )

    async def pause(
        self, *, paused: bool, time: datetime = NOW, scope: PauseScope = PauseScope.EVERYTHING
    ) -> None:
        event = RotationPauseRequested(
            scope=scope, paused=paused, requested_by="ada", reason="an incident"
        )
        await handlers.on_rotation_pause_requested(
            event, message(event, time=time), pool=self.pool, wake=nobody
        )

    async def row(self, table: str, row_id: UUID) -> dict[str, Any]:
        rows = await self.estate.rows(f"SELECT * FROM rotator.{table} WHERE id = '{row_id}'")  # noqa: S608 - a test's ids
        (found,) = rows
        return found


def nobody() -> None:
    """Wake nobody."""


@asynccontextmanager
async def tenant(database: Database) -> AsyncIterator[Tenant]:
    estate = Estate(database)
    await estate.fill()
    app = await estate.add("deploy", kind=ItemKind.APP_SECRET, application="Contoso Shop")
    secrets = [await estate.add(f"shop-password-{number}") for number in range(2)]
    await _add_application(estate, app)
    async with database.pool("rotator") as pool:
        yield Tenant(estate, pool, app, secrets, Licence())


async def _add_application(estate: Estate, app: CredentialRef) -> None:
    async with estate.database.connection() as conn:
        application_id = await conn.fetchval(
            """
            INSERT INTO scanner.application (vault_id, kind, object_id, app_id, name)
            VALUES ($1, 'application', $2, $3, 'Contoso Shop')
            RETURNING id
            """,
            *(estate.vault_id, OBJECT_ID, APP_ID),
        )
        await conn.execute(
            "INSERT INTO scanner.credential (item_id, application_id, key_id) VALUES ($1, $2, $3)",
            *(app.item_id, application_id, KEY_ID),
        )
