"""Which secrets hold a credential: confirmed by a person once, from then on rotated."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from services.rotator.domain.application import ApplicationTarget
from services.rotator.domain.rotation import Place
from services.rotator.store import inventory, rotations
from services.rotator.store.rotations import Managed
from shared.audit import Action, AuditEntry, record
from shared.bus import Message
from shared.database import Connection
from shared.errors import PermanentError
from shared.events import CredentialChangeRequested, CredentialRef, ItemKind
from shared.keyed_resources import KeyedResource

DRIVERS: Final[Mapping[ItemKind, str]] = {ItemKind.APP_SECRET: "entra-app-secret"}
"""Which driver replaces which kind of item."""
_SCOPE_LENGTH: Final = 300


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
            scope=(event.resource or f"item {event.item_id}")[:_SCOPE_LENGTH],
            amount=len(event.place_ids),
        ),
    )


async def _confirm(conn: Connection, event: CredentialChangeRequested) -> None:
    managed = await (_key(conn, event) if event.resource else _secret(conn, event))
    if taken := await rotations.list_taken(conn, managed):
        raise PermanentError(
            f"“{taken[0]}” holds another credential that is rotated here. Two credentials in one"
            " place would overwrite each other; release the other one first."
        )
    await rotations.save_credential(conn, managed)


async def _secret(conn: Connection, event: CredentialChangeRequested) -> Managed:
    """Return an application's client secret with its places."""
    found = await inventory.get_credential(conn, event.item_id or 0)
    driver = DRIVERS.get(found.reference.kind) if found else None
    if found is None or driver is None or found.application_kind != "application":
        raise PermanentError(
            f"Item {event.item_id} is not the secret of an application that this release rotates."
        )
    return Managed(
        id=event.credential_id,
        driver=driver,
        target=str(ApplicationTarget(found.object_id.lower(), found.app_id.lower())),
        subject=found.reference,
        places=await _places(conn, event),
        key_id=found.key_id,
        lifetime=timedelta(days=event.lifetime_days),
        overlap=timedelta(seconds=event.overlap_seconds),
    )


async def _key(conn: Connection, event: CredentialChangeRequested) -> Managed:
    """Return a resource's key with its places. Both of its keys take part in each rotation."""
    resource = KeyedResource.parse(event.resource or "")
    if resource is None or event.slot not in resource.type.slots:
        raise PermanentError(
            f"“{event.slot}” of “{event.resource}” is not a key of a resource that this release"
            " rotates."
        )
    places = await _places(conn, event)
    managed = Managed(
        id=event.credential_id,
        driver=resource.type.kind,
        target=str(resource),
        subject=_told(resource, places[0]),
        places=places,
        key_id=event.slot,
        lifetime=timedelta(days=event.lifetime_days),
        overlap=timedelta(seconds=event.overlap_seconds),
    )
    if await rotations.list_neighbours(conn, managed):
        raise PermanentError(
            f"A key of “{resource.name}” is rotated here already. Each rotation renews both of its"
            " keys, so two of them would lock each other out; release the other one first."
        )
    return managed


def _told(resource: KeyedResource, place: Place) -> CredentialRef:
    """Return how a resource's key is told to people: the inventory knows its secret only."""
    return CredentialRef(
        item_id=place.reference.item_id,
        kind=place.reference.kind,
        name=resource.rule or "access key",
        container=resource.name,
        subscription_id=resource.subscription_id,
    )


async def _places(conn: Connection, event: CredentialChangeRequested) -> list[Place]:
    secrets = await inventory.list_secrets(conn, event.place_ids)
    if len(secrets) != len(set(event.place_ids)):
        raise PermanentError("Not all of these items are secrets in vaults; look at them again.")
    return [
        Place(
            id=_place_id(event.credential_id, secret.reference.item_id),
            vault_url=secret.vault_url,
            name=secret.name,
            reference=secret.reference,
        )
        for secret in secrets
    ]


def _place_id(credential_id: UUID, item_id: int) -> UUID:
    return uuid5(credential_id, str(item_id))
