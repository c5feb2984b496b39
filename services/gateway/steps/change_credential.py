"""Confirming which secrets hold an application's secret or a resource's key; taking that back.

From then on rotations write new values there, so everything is looked at before it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID, uuid4, uuid5

from asyncpg import Record

from services.gateway.domain import problem
from services.gateway.domain.problem import FieldError, ProblemError
from services.gateway.domain.rotation import refusal_of_spans
from services.gateway.queries import rotation_credentials
from services.gateway.steps import audit_trail
from services.gateway.steps.asker import Asker
from services.gateway.steps.once import Accepted, key_of, once
from shared.audit import Action
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import CredentialChangeRequested, ItemKind
from shared.keyed_resources import KeyedResource

_ITEM: Final = "/body/item_id"
_SCOPE_LENGTH: Final = 300
_IDS: Final = UUID("0b8f9a64-6f0e-4a55-9d52-3f6f3b1a2c11")
"""Credentials' ids are made from what they are, so that asking twice at once makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Which item (or key of a resource) is the credential, which secrets hold it, and its spans."""

    item_id: int | None
    resource: str | None = None
    slot: str | None = None
    place_ids: tuple[int, ...]
    lifetime_days: int
    overlap_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCredential:
    """Asks the rotator; `overlap_floor` in seconds. Raises `ProblemError` for what is refused."""

    pool: Pool
    bus: Bus
    clock: Clock
    overlap_floor: int

    async def confirm(self, asker: Asker, confirmed: Confirmed, key: str | None) -> Accepted:
        """Ask that a credential be rotated from now on."""
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /rotation-credentials", str(confirmed)),
                user_id=asker.session.user_id,
                at=self.clock(),
                act=partial(self._confirm, conn, asker, confirmed),
            )

    async def release(self, asker: Asker, credential_id: UUID) -> None:
        """Ask that a credential be rotated no longer; its history stays."""
        async with self.pool.transaction() as conn:
            found = await rotation_credentials.get_credential(conn, credential_id, asker.scope)
            if found is None:
                raise problem.not_found("credential")
            _refuse_rotating(found)
            event = CredentialChangeRequested(
                credential_id=credential_id,
                item_id=found["item_id"],
                place_ids=(),
                requested_by=asker.name,
            )
            await self._ask(conn, asker, event, "released")

    async def _confirm(self, conn: Connection, asker: Asker, confirmed: Confirmed) -> Accepted:
        _refuse_spans(confirmed, self.overlap_floor)
        resource = _resource(asker, confirmed) if confirmed.resource is not None else None
        if resource is not None:
            credential_id = await _resource_id(conn, asker, resource)
        else:
            item = await _app_secret(conn, asker, confirmed.item_id or 0)
            credential_id = await _credential_id(conn, asker, item)
        await _refuse_places(conn, asker, confirmed.place_ids, credential_id)
        event = CredentialChangeRequested(
            credential_id=credential_id,
            item_id=confirmed.item_id,
            resource=str(resource) if resource else None,
            slot=confirmed.slot,
            place_ids=confirmed.place_ids,
            lifetime_days=confirmed.lifetime_days,
            overlap_seconds=confirmed.overlap_seconds,
            requested_by=asker.name,
        )
        await self._ask(conn, asker, event, "confirmed")
        return Accepted(
            location="/api/v1/rotation-credentials", answer={"id": str(event.credential_id)}
        )

    async def _ask(
        self, conn: Connection, asker: Asker, event: CredentialChangeRequested, after: str
    ) -> None:
        await self.bus.emit(event, connection=conn, correlation_id=asker.course)
        await audit_trail.act(
            conn,
            asker.session,
            Action.CREDENTIAL_CHANGE_REQUESTED,
            str(event.credential_id),
            asker.caller,
            scope=(event.resource or f"item {event.item_id}")[:_SCOPE_LENGTH],
            amount=len(event.place_ids),
            after=after,
            correlation_id=asker.course,
        )


def _refuse_spans(confirmed: Confirmed, floor: int) -> None:
    why = refusal_of_spans(confirmed.lifetime_days, confirmed.overlap_seconds, floor=floor)
    if why:
        raise _wrong("/body/overlap_seconds", why)


def _refuse_rotating(credential: Record) -> None:
    if credential["rotation_id"] is not None:
        raise problem.rotation_refused(
            "A rotation of this credential is under way; wait for its end, or roll it back."
        )


def _resource(asker: Asker, confirmed: Confirmed) -> KeyedResource:
    """Return the resource whose key is confirmed. Raises `ProblemError` for anything else."""
    found = KeyedResource.parse(confirmed.resource or "")
    if found is None:
        raise _wrong(
            "/body/resource",
            "It must be the id in Azure of a storage account, an account of Cosmos DB or Cognitive"
            " Services, or an authorization rule of a namespace of Service Bus or Event Hubs"
            " (…/namespaces/<name>/authorizationRules/<rule>).",
        )
    if confirmed.slot not in found.type.slots:
        raise _wrong("/body/slot", f"Its keys are called {' and '.join(found.type.slots)}.")
    if asker.scope is not None:
        seen = {each.lower() for each in asker.scope.subscription_ids}
        if found.subscription_id not in seen:
            raise problem.not_found("resource")
    return found


async def _resource_id(conn: Connection, asker: Asker, resource: KeyedResource) -> UUID:
    """Return the one id under which a resource's keys are rotated: both take part each time."""
    made = uuid5(_IDS, str(resource))
    found = await rotation_credentials.get_credential(conn, made, None)
    if found is not None:
        _refuse_rotating(found)
        await _refuse_unseen(conn, asker, found)
    return made


async def _app_secret(conn: Connection, asker: Asker, item_id: int) -> Record:
    item = await rotation_credentials.get_app_secret(conn, item_id, asker.scope)
    if item is None:
        raise problem.not_found("item")
    if item["kind"] != ItemKind.APP_SECRET or item["application_kind"] != "application":
        raise _wrong(_ITEM, "Only the client secret of an application registration is rotated.")
    return item


async def _credential_id(conn: Connection, asker: Asker, item: Record) -> UUID:
    """Return the id under which this secret is rotated already, or a new one."""
    target, key_id = item["target"], item["key_id"]
    found = await rotation_credentials.find_credential(conn, target, key_id)
    if found is None:
        made = uuid5(_IDS, f"{target}/{key_id}")
        # Known, but in use under another key by now: this secret is another credential.
        return uuid4() if await rotation_credentials.get_credential(conn, made, None) else made
    _refuse_rotating(found)
    await _refuse_unseen(conn, asker, found)
    known: UUID = found["id"]
    return known


async def _refuse_unseen(conn: Connection, asker: Asker, found: Record) -> None:
    seen = await rotation_credentials.get_credential(conn, found["id"], asker.scope)
    if seen is None and found["state"] != "released":
        raise problem.rotation_refused(
            "It is rotated already, in secrets that are out of your scope; ask an administrator."
        )


async def _refuse_places(
    conn: Connection, asker: Asker, place_ids: Sequence[int], credential_id: UUID
) -> None:
    """Raise `ProblemError` for secrets that a rotation must not write, each with its sentence."""
    secrets = await rotation_credentials.list_secrets(conn, place_ids, asker.scope)
    refused = [
        FieldError(pointer=f"/body/place_ids/{position}", detail=why)
        for position, place_id in enumerate(place_ids)
        if (why := _refusal_of_place(secrets.get(place_id), credential_id))
    ]
    if refused:
        raise problem.invalid("Not all of these secrets can hold the credential.", refused)


def _refusal_of_place(secret: Record | None, credential_id: UUID) -> str | None:
    if secret is None:
        return "There is no such secret in a vault."
    if secret["managed"]:
        return f"“{secret['name']}” belongs to a certificate, which Key Vault itself writes."
    if secret["holds"] not in (None, credential_id):
        return (
            f"“{secret['name']}” holds another credential that is rotated here; release that one"
            " first, or both would overwrite each other."
        )
    return None


def _wrong(pointer: str, why: str) -> ProblemError:
    return problem.invalid(why, (FieldError(pointer=pointer, detail=why),))
