"""Credentials that are rotated: which secrets hold them is confirmed by a person, once."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import rotation_credentials
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import Page, as_json, cut, instant_and_uuid, position
from services.gateway.routes.asker import asker_of
from services.gateway.routes.credential_request import CredentialRequest
from services.gateway.routes.parameters import CursorText, IdempotencyKey, Limit
from services.gateway.routes.rotation_answers import (
    CredentialAccepted,
    RotationCredential,
)
from services.gateway.steps.change_credential import Confirmed

router = APIRouter(
    prefix="/api/v1/rotation-credentials", route_class=GuardedRoute, tags=["rotations"]
)

_QUESTION = "rotation-credentials"


@router.get("", response_model=Page[RotationCredential])
@needs(Permission.READ_AUTOMATION, narrows=True)
async def list_credentials(
    request: Request, limit: Limit = 50, cursor: CursorText = None
) -> Response:
    """Return credentials with the secrets that hold them, the newest first, released ones too."""
    rows = await rotation_credentials.list_credentials(
        parts_of(request).pool,
        before=instant_and_uuid(position(cursor, _QUESTION, instant=True)),
        limit=limit + 1,
        scope=scope_of(request),
    )
    return cut(rows, limit, question=_QUESTION, key="added_at")


@router.post("", status_code=202, response_model=CredentialAccepted, responses={404: {}, 409: {}})
@needs(Permission.MANAGE_CREDENTIALS, narrows=True)
async def confirm_credential(
    request: Request, body: CredentialRequest, key: IdempotencyKey = None
) -> Response:
    """Confirm which secrets hold an application's client secret, or a key of a resource.

    Rotations write them from then on. Confirmed again, the same one gets other secrets and spans.
    A secret must hold a key alone, not a connection string; both keys of a resource are renewed.
    """
    confirmed = Confirmed(
        item_id=body.item_id,
        resource=body.resource,
        slot=body.slot,
        place_ids=tuple(dict.fromkeys(body.place_ids)),
        lifetime_days=body.lifetime_days,
        overlap_seconds=body.overlap_seconds,
    )
    return accepted_answer(
        await parts_of(request).change_credential.confirm(asker_of(request), confirmed, key)
    )


@router.delete(
    "/{credential_id}", status_code=202, response_model=CredentialAccepted, responses={409: {}}
)
@needs(Permission.MANAGE_CREDENTIALS, narrows=True)
async def release_credential(request: Request, credential_id: UUID) -> Response:
    """Rotate a credential no longer. Nothing is removed but the note of where it is kept."""
    await parts_of(request).change_credential.release(asker_of(request), credential_id)
    return as_json({"id": credential_id}, 202)
