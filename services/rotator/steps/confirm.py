"""Which secrets hold a credential: confirmed by a person once, from then on rotated."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from services.rotator.domain.application import ApplicationTarget
from services.rotator.domain.rotation import Place
from services.rotator.store import inventory, rotations
from services.rotator.store.inventory import FoundCredential
from services.rotator.store.rotations import Managed
from shared.audit import Action, AuditEntry, record
from shared.bus import Message
from shared.database import Connection
from shared.errors import PermanentError
from shared.events import CredentialChangeRequested, ItemKind

DRIVERS: Final[Mapping[ItemKind, str]] = {ItemKind.APP_SECRET: "entra-app-secret"}
"""Which driver replaces which kind of item."""


async def confirm(conn: Connection, event: CredentialChangeRequested, message: Message) -> None:
    """Rotate a credential from now on, with these secrets as its places; or no longer.

    Raises `PermanentError` for what is not there, or not rotated by this release.
    """
    if await rotations.is_rotating(conn, event.credential_id):
        raise PermanentError("A rotation of this credential is under way; wait for its end.")
    if event.place_ids:
        await _confirm(conn, event)
    else:
        await rotations.release(conn, event.credential_id)
    await record(
        conn,
        AuditEntry(
            action=Action.ROTATION_CONFIRMED if event.place_ids else Action.ROTATION_RELEASED,
            actor=event.requested_by,
            subject=str(event.credential_id),
            correlation_id=message.correlation_id,
            scope=f"item {event.item_id}",
            amount=len(event.place_ids),
        ),
    )


async def _confirm(conn: Connection, event: CredentialChangeRequested) -> None:
    found = await inventory.get_credential(conn, event.item_id)
    driver = DRIVERS.get(found.reference.kind) if found else None
    if found is None or driver is None or found.application_kind != "application":
        raise PermanentError(
            f"Item {event.item_id} is not the secret of an application that this release rotates."
        )
    managed = await _managed(conn, event, found, driver)
    if taken := await rotations.list_taken(conn, managed):
        raise PermanentError(
            f"“{taken[0]}” holds another credential that is rotated here. Two credentials in one"
            " place would overwrite each other; release the other one first."
        )
    await rotations.save_credential(conn, managed)


async def _managed(
    conn: Connection, event: CredentialChangeRequested, found: FoundCredential, driver: str
) -> Managed:
    secrets = await inventory.list_secrets(conn, event.place_ids)
    if len(secrets) != len(set(event.place_ids)):
        raise PermanentError("Not all of these items are secrets in vaults; look at them again.")
    places = [
        Place(
            id=_place_id(event.credential_id, secret.reference.item_id),
            vault_url=secret.vault_url,
            name=secret.name,
            reference=secret.reference,
        )
        for secret in secrets
    ]
    return Managed(
        id=event.credential_id,
        driver=driver,
        target=str(ApplicationTarget(found.object_id.lower(), found.app_id.lower())),
        subject=found.reference,
        places=places,
        key_id=found.key_id,
        lifetime=timedelta(days=event.lifetime_days),
        overlap=timedelta(seconds=event.overlap_seconds),
    )


def _place_id(credential_id: UUID, item_id: int) -> UUID:
    return uuid5(credential_id, str(item_id))
