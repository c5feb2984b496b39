"""What this release does not do: each address says so in a sentence instead of pretending."""

from fastapi import APIRouter
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.role import Permission
from services.gateway.middleware.guard import GuardedRoute, needs

router = APIRouter(
    prefix="/api/v1",
    route_class=GuardedRoute,
    tags=["not in this release"],
    responses={501: {}},
)


@router.get("/syncs")
@needs(Permission.READ_AUTOMATION)
async def list_syncs() -> Response:
    """Answer 501."""
    raise problem.not_built("Copying to other clouds")


@router.post("/syncs")
@needs(Permission.REQUEST_SYNC)
async def request_sync() -> Response:
    """Answer 501."""
    raise problem.not_built("Copying to other clouds")


@router.get("/license")
@needs(Permission.READ_LICENSE)
async def get_license() -> Response:
    """Answer 501; `/license/status` says what the installation may do."""
    raise problem.not_built("Managing the licence")


@router.post("/license")
@needs(Permission.MANAGE_LICENSE)
async def install_license() -> Response:
    """Answer 501."""
    raise problem.not_built("Managing the licence")
