"""The API's OpenAPI 3.1 description: who may call what, and what a refusal looks like."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.gateway.domain.problem import MEDIA_TYPE
from services.gateway.domain.role import Permission
from services.gateway.middleware.guard import COOKIE, GuardedRoute, permission_of
from services.gateway.routes.answers import Problem

SUMMARY: Final = "Finds every credential of an Azure estate and says what expires. Metadata only."
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}
_REFUSAL: Final = {
    "description": "A refusal, as a problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(app: FastAPI, routes: Iterable[GuardedRoute], version: str) -> None:
    """Make `/openapi.json` say which permission each operation asks for."""
    app.openapi = _describer(app, list(routes), version)  # type: ignore[method-assign]


def _describer(
    app: FastAPI, routes: list[GuardedRoute], version: str
) -> Callable[[], dict[str, Any]]:
    """Return a function that makes the description once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title="CertifyClouds", version=version, summary=SUMMARY, routes=app.routes
            )
            components = schema.setdefault("components", {})
            components["securitySchemes"] = _SCHEMES
            components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            schema["security"] = [{name: []} for name in _SCHEMES]
            for route in routes:
                _describe(schema, route)
            app.openapi_schema = schema
        return app.openapi_schema

    return openapi


def _describe(schema: dict[str, Any], route: GuardedRoute) -> None:
    operations = schema["paths"].get(route.path_format, {})
    permission = permission_of(route.endpoint)
    for operation in (operations.get(method.lower()) for method in route.methods or ()):
        if operation is None:
            continue
        operation["x-permission"] = permission
        operation["responses"]["default"] = _REFUSAL
        operation["responses"].pop("422", None)
        if permission is Permission.OPEN:
            operation["security"] = []
