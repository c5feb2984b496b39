"""One's own second factor: a device's codes by time, and recovery codes."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.routes.answers import as_json
from services.gateway.routes.parameters import Code

router = APIRouter(prefix="/api/v1/auth", route_class=GuardedRoute, tags=["auth"])


class SecondFactorOffer(BaseModel):
    """A new secret; it is shown this once, and counts when a first code confirms it."""

    secret: str = Field(description="In base32, for typing into an authenticator app.")
    address: str = Field(description="The same as an `otpauth:` address, for a QR code.")


class FirstCode(BaseModel):
    """The first code that the device shows."""

    model_config = ConfigDict(extra="forbid")

    code: Code


class RecoveryCodes(BaseModel):
    """Codes for the day on which the device is lost; each is good once, and they are shown once."""

    codes: list[str]


@router.post(
    "/second-factor", status_code=201, response_model=SecondFactorOffer, responses={409: {}}
)
@needs(Permission.OWN_FACTOR)
async def begin_second_factor(request: Request) -> Response:
    """Ask for a second factor: put the secret into an authenticator app, then confirm a code."""
    offer = await parts_of(request).second_factor.begin(session_of(request))
    return as_json({"secret": offer.secret, "address": offer.address}, 201)


@router.post("/second-factor/confirm", response_model=RecoveryCodes, responses={409: {}})
@needs(Permission.OWN_FACTOR)
async def confirm_second_factor(request: Request, body: FirstCode) -> Response:
    """Let the second factor count from now on, and get the recovery codes."""
    codes = await parts_of(request).second_factor.confirm(
        session_of(request), body.code, caller_of(request)
    )
    return as_json({"codes": codes})


@router.post("/second-factor/recovery-codes", response_model=RecoveryCodes, responses={404: {}})
@needs(Permission.OWN_FACTOR)
async def renew_recovery_codes(request: Request) -> Response:
    """Get new recovery codes; the earlier ones stop working."""
    parts = parts_of(request)
    codes = await parts.second_factor.renew_codes(session_of(request), caller_of(request))
    return as_json({"codes": codes})


@router.delete("/second-factor", status_code=204, response_class=Response, responses={404: {}})
@needs(Permission.OWN_FACTOR)
async def remove_second_factor(request: Request) -> Response:
    """Go without a second factor again."""
    await parts_of(request).second_factor.remove(session_of(request), caller_of(request))
    return Response(status_code=204)
