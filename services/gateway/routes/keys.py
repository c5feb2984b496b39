"""The inventory of the platform's own keys: what for, how old, how wrapped; never a key."""

from datetime import datetime
from typing import Final

from asyncpg import Record
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.gateway.domain.keyring import USES, Purpose
from services.gateway.domain.role import Permission
from services.gateway.domain.signing_key import accepted_until
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs
from services.gateway.routes.answers import as_json
from services.gateway.store import keys

router = APIRouter(route_class=GuardedRoute, tags=["system"])

DERIVATION: Final = "PBKDF2-HMAC-SHA256"


class DataKeyEntry(BaseModel):
    """A random key that SECRET_KEY wraps."""

    purpose: Purpose
    version: int = Field(description="The newest of a purpose encrypts; an older one is going.")
    use: str
    created_at: datetime
    wrapped_at: datetime = Field(description="When a SECRET_KEY wrapped it last.")
    derivation: str = Field(description="How SECRET_KEY becomes the key that wraps it.")
    iterations: int


class SigningKeyEntry(BaseModel):
    """An Ed25519 key of session tokens."""

    kid: str = Field(description="Its name in the header of each token.")
    created_at: datetime
    accepted_until: datetime = Field(description="When the last token that it signs has ended.")
    signs: bool = Field(description="New tokens are signed with it.")


class KeyInventory(BaseModel):
    """Every key that the platform keeps for itself."""

    data_keys: list[DataKeyEntry]
    signing_keys: list[SigningKeyEntry]


@router.get("/api/v1/system/keys", response_model=KeyInventory)
@needs(Permission.READ_KEYS)
async def list_keys(request: Request) -> Response:
    """Return what each key is for, when it was made and how it is wrapped; no key, no salt."""
    pool = parts_of(request).pool
    data_keys = [_data_key(row) for row in await keys.list_data_keys(pool)]
    rows = await keys.list_signing_keys(pool)
    signing_keys = [_signing_key(row, signs=row is rows[0]) for row in rows]
    return as_json({"data_keys": data_keys, "signing_keys": signing_keys})


def _data_key(row: Record) -> dict[str, object]:
    return {**row, "use": USES[Purpose(row["purpose"])], "derivation": DERIVATION}


def _signing_key(row: Record, *, signs: bool) -> dict[str, object]:
    return {**row, "accepted_until": accepted_until(row["created_at"]), "signs": signs}
