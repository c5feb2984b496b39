"""The front page, the API's documentation, and their files; nothing comes from afar."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from services.gateway.domain.role import Permission
from services.gateway.middleware.guard import GuardedRoute, needs
from shared.errors import SettingsError

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

STATIC: Final = Path(__file__).parent.parent / "static"


@router.get("/")
@needs(Permission.OPEN)
async def front_page() -> FileResponse:
    """Return the front page: signing in, then the overview."""
    return FileResponse(STATIC / "index.html", media_type="text/html")


@router.get("/docs")
@needs(Permission.OPEN)
async def documentation() -> FileResponse:
    """Return Swagger UI on this API's description."""
    return FileResponse(STATIC / "docs.html", media_type="text/html")


def add_files(app: FastAPI) -> None:
    """Serve the pages' files, Swagger UI's from the package that brings them."""
    app.mount("/assets/docs", StaticFiles(directory=_swagger_files()), name="docs-assets")
    app.mount("/assets", StaticFiles(directory=STATIC), name="assets")


def _swagger_files() -> Path:
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise SettingsError("The package fastapi-offline is missing; install the requirements.")
    return Path(spec.origin).parent / "static"
