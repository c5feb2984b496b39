"""The API's OpenAPI 3.1 description: who may call what, and what a refusal looks like."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from services.gateway.domain.cookie import COOKIE
from services.gateway.domain.problem import MEDIA_TYPE
from services.gateway.domain.role import Permission
from services.gateway.middleware.guard import GuardedRoute, permission_of

SUMMARY: Final = "Finds every credential of an Azure estate and says what expires. Metadata only."
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}
_REFUSAL: Final = {
    "description": "A refusal, as a problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_REFERENCE: Final = {"$ref": "#/components/responses/Refusal"}
_FIRST_REFUSAL: Final = 400


class WrongField(BaseModel):
    """One wrong field."""

    pointer: str = Field(description="Where, as a JSON pointer from `/body`, `/query`, …")
    detail: str


class Problem(BaseModel):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    errors: list[WrongField] = Field(default=[], description="Which fields are wrong, if any.")


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
            components["responses"] = {"Refusal": _REFUSAL}
            components.setdefault("schemas", {}).update(_problem())
            schema["security"] = [{name: []} for name in _SCHEMES]
            for route in routes:
                _describe(schema, route)
            app.openapi_schema = schema
        return app.openapi_schema

    return openapi


def _problem() -> dict[str, Any]:
    """Return the schemas of a refusal; FastAPI's own for what is invalid are not sent."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _describe(schema: dict[str, Any], route: GuardedRoute) -> None:
    operations = schema["paths"].get(route.path_format, {})
    permission = permission_of(route.endpoint)
    for operation in (operations.get(method.lower()) for method in route.methods or ()):
        if operation is None:
            continue
        operation["x-permission"] = permission
        operation["responses"] = _answers(route, operation["responses"])
        if permission is Permission.OPEN:
            operation["security"] = []


def _refusals(route: GuardedRoute) -> Iterator[int]:
    """Tell each status with which a request to this route may be refused."""
    wants = route.dependant
    if permission_of(route.endpoint) is not Permission.OPEN:
        yield from (401, 403, 429, 503)
    if wants.path_params:
        yield 404
    if route.body_field:
        yield from (400, 413)
    if route.body_field or wants.path_params or wants.query_params or wants.header_params:
        yield 422
    yield from (int(status) for status in route.responses if int(status) >= _FIRST_REFUSAL)


def _answers(route: GuardedRoute, told: dict[str, Any]) -> dict[str, Any]:
    """Return every answer by its status; a refusal whose form the route does not tell is ours."""
    refused = {str(status): _REFERENCE for status in sorted(_refusals(route))}
    formed = {status: it for status, it in told.items() if _is_own(status, it)}
    return {**refused, **formed}


def _is_own(status: str, answer: dict[str, Any]) -> bool:
    """Say whether a route has an answer of its own: FastAPI adds a 422 that is never sent."""
    return int(status) < _FIRST_REFUSAL or ("content" in answer and status != "422")
