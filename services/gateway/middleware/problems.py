"""Every refusal and every error leaves as a problem document; nothing internal leaves with it."""

import re
from http import HTTPStatus
from itertools import takewhile
from typing import Final

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from services.gateway.domain import problem
from services.gateway.domain.filters import FilterError
from services.gateway.domain.problem import MEDIA_TYPE, FieldError, ProblemError
from services.gateway.middleware.envelope import request_id
from shared.errors import TransientError
from shared.telemetry import get_logger

logger = get_logger(__name__)

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,32}")
_OF_FILES = {"GET", "HEAD"}
_SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address; see /docs for what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method; see the Allow header.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request's body is too large.",
    HTTPStatus.BAD_REQUEST: "The request cannot be read.",
}


def add_problem_handlers(app: FastAPI) -> None:
    """Answer each kind of error with its problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(FilterError, _on_filter)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(TransientError, _on_transient)
    app.add_exception_handler(Exception, _on_error)


def answer(request: Request, error: ProblemError) -> Response:
    """Return a problem as a response."""
    return Response(
        orjson.dumps(error.document(request_id(request.scope))),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers=dict(error.headers),
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return answer(request, error)


async def _on_filter(request: Request, error: Exception) -> Response:
    if not isinstance(error, FilterError):
        raise error
    return answer(request, problem.wrong_parameter(error.name, error.detail))


async def _on_http(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such address, wrong method, body too large."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "-")
    detail = _SENTENCES.get(status, status.description or status.phrase)
    headers = error.headers or {}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"allow": ", ".join(sorted(_methods(request)))}
    return answer(request, ProblemError(status, code, detail, headers=headers))


def _methods(request: Request) -> set[str]:
    """Return what an address takes: of several routes to it the router names the first one's."""
    found = [
        route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE
    ]
    named = {method for route in found for method in getattr(route, "methods", None) or ()}
    return named or _OF_FILES


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Say which fields are wrong and why; what was sent is not repeated, it may be a password."""
    if not isinstance(error, RequestValidationError):
        raise error
    fields = [
        FieldError(pointer=_pointer(found["loc"]), detail=str(found["msg"]))
        for found in error.errors()
    ]
    return answer(request, problem.invalid("Some fields are wrong; see “errors”.", fields))


def _pointer(location: tuple[str | int, ...]) -> str:
    """Return a JSON pointer (RFC 6901) as far as its names look like names of fields.

    The name of a field that there is not was sent, and may be anything.
    """
    known = takewhile(_NAME.fullmatch, map(str, location))
    return "".join(f"/{part}" for part in known)


async def _on_transient(request: Request, error: Exception) -> Response:
    logger.warning("a request could not be answered now", reason=str(error))
    return answer(
        request, problem.unavailable("The database does not answer; nothing was lost. Try again.")
    )


async def _on_error(request: Request, error: Exception) -> Response:
    error_id = request_id(request.scope)
    logger.error("a request failed", error_id=error_id, exc_info=error)
    return answer(request, problem.internal(error_id))
