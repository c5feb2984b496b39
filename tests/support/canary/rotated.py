"""Inputs that a rotation handles: the credential that it makes, and the one that it replaces."""

from datetime import timedelta
from uuid import uuid4

from services.rotator.domain.application import ApplicationTarget
from services.rotator.domain.rotation import Place
from services.rotator.store import rotations
from services.rotator.store.rotations import Managed
from shared.bus import Bus
from shared.events import CredentialRef, ItemKind, RotationRequested
from tests.support.canary.visit import Document, Visit
from tests.support.sandbox import way_to
from tests.support.waiting import eventually

NAME = "canary-rotated"
ENDED = "SELECT state FROM rotator.rotation WHERE over"


async def made_by_rotation(visit: Visit, value: str) -> str:
    """Let a client secret be rotated whose vault secret holds `value`; return the new one."""
    vault = visit.sandbox.at_first["vaults"][0]
    visit.sandbox.control.write(vault=vault["name"], kind="secret", name=NAME, value=value)
    address = visit.sandbox.url(vault)
    await _rotate(visit, _managed(_owned(visit.sandbox.at_first), address))
    async with way_to(visit.sandbox) as way:
        shown = f"{address}/secrets/{NAME}?api-version=7.4"
        _, found, _ = await way.get(shown, await way.token("vault", "rotate"))
    assert found["value"] != value
    return str(found["value"])


def _owned(truth: Document) -> Document:
    """Return an application that the identity that rotates owns."""
    ours = truth["identities"]["rotate"]["object_id"]
    relations: Document = truth["relations"]
    found: Document = next(
        each
        for each in truth["applications"]
        if each["passwordCredentials"]
        and ours in {owner["id"] for owner in relations[each["id"]]["owners"]}
    )
    return found


def _managed(application: Document, address: str) -> Managed:
    reference = CredentialRef(item_id=1, kind=ItemKind.SECRET, name=NAME, container="a vault")
    return Managed(
        id=uuid4(),
        driver="entra-app-secret",
        target=str(ApplicationTarget(application["id"], application["appId"])),
        subject=reference,
        places=[Place(id=uuid4(), vault_url=address, name=NAME, reference=reference)],
        key_id=application["passwordCredentials"][0]["keyId"],
        lifetime=timedelta(days=90),
        overlap=timedelta(0),
    )


async def _rotate(visit: Visit, managed: Managed) -> None:
    async with visit.database.pool("rotator") as pool, pool.transaction() as conn:
        await rotations.save_credential(conn, managed)
    asked = RotationRequested(
        rotation_id=uuid4(),
        credential_id=managed.id,
        credential=managed.subject,
        requested_by="ada",
        emergency=True,
    )
    async with visit.database.pool("gateway") as pool:
        bus = Bus("", service="gateway", pool=pool)
        async with pool.transaction() as conn:
            await bus.emit(asked, connection=conn)
    assert await eventually(lambda: _state(visit), seconds=90.0) == "completed"


async def _state(visit: Visit) -> str | None:
    async with visit.database.connection() as conn:
        state: str | None = await conn.fetchval(ENDED)
        return state
