"""Denied unless declared: no endpoint exists without saying which permission it asks for.

A `GuardedRoute` cannot be made of an endpoint without `needs(…)`. It finds out who asks before
anything else of the request is read, so that a stranger cannot even learn what a body should look
like.
"""

import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar, cast

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from services.gateway.domain import csrf, problem
from services.gateway.domain.cookie import session_cookie
from services.gateway.domain.role import OF_ONESELF, Permission
from services.gateway.domain.scope import Scope
from services.gateway.domain.session import Carrier, Session
from services.gateway.middleware.caller import caller_of, parts_of

_MARK: Final = "certifyclouds_permission"
_NARROWS: Final = "certifyclouds_narrows"

F = TypeVar("F", bound=Callable[..., Any])


def needs(permission: Permission, *, narrows: bool = False) -> Callable[[F], F]:
    """Declare which permission an endpoint asks for.

    `narrows`: it answers somebody with a scope for their part of the estate only (`scope_of`), or
    tells nothing of the estate. Any other endpoint is refused to them, but their own session's.
    """

    def declare(endpoint: F) -> F:
        setattr(endpoint, _MARK, permission)
        setattr(endpoint, _NARROWS, narrows or permission in OF_ONESELF)
        return endpoint

    return declare


def permission_of(endpoint: Callable[..., Any]) -> Permission:
    """Return an endpoint's permission; raises `TypeError` when it declares none."""
    permission = getattr(endpoint, _MARK, None)
    if not isinstance(permission, Permission):
        raise TypeError(f"{endpoint.__name__} does not declare its permission with `needs`.")
    return permission


def narrows(endpoint: Callable[..., Any]) -> bool:
    """Say whether an endpoint answers somebody with a scope."""
    return bool(getattr(endpoint, _NARROWS, False))


class GuardedRoute(APIRoute):
    """A route whose endpoint runs only for those who may."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **how: Any) -> None:  # noqa: ANN401 - FastAPI's own
        permission_of(endpoint)
        super().__init__(path, endpoint, **how)
        if self._bare() is not None:
            self.app = self._straight(self.get_route_handler())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the endpoint's handler, body parsing and validation included."""
        handle = self._bare() or super().get_route_handler()
        permission, narrowed = permission_of(self.endpoint), narrows(self.endpoint)
        endpoint = f"{'/'.join(sorted(self.methods or ()))} {self.path}"

        async def guarded(request: Request) -> Response:
            if permission is not Permission.OPEN:
                await _admit(request, permission, endpoint, narrowed=narrowed)
            return await handle(request)

        return guarded

    @staticmethod
    def _straight(handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> ASGIApp:
        """Return the handler as an application, without what FastAPI's dependencies would need."""

        async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
            response = await handle(Request(scope, receive, send))
            await response(scope, receive, send)

        return app

    def _bare(self) -> Callable[[Request], Coroutine[Any, Any, Response]] | None:
        """Return the endpoint itself, where FastAPI has nothing to read or to write for it."""
        wants, answers = self.dependant, inspect.signature(self.endpoint).return_annotation
        reads = (
            wants.path_params,
            wants.query_params,
            wants.header_params,
            wants.cookie_params,
            wants.body_params,
            wants.dependencies,
        )
        writes = not (isinstance(answers, type) and issubclass(answers, Response))
        if any(reads) or writes or wants.request_param_name != "request":
            return None
        return cast("Callable[[Request], Coroutine[Any, Any, Response]]", self.endpoint)


def session_of(request: Request) -> Session:
    """Return the session that was admitted; only for endpoints that are not open."""
    return cast("Session", request.state.session)


def scope_of(request: Request) -> Scope | None:
    """Return how much of the inventory the session may see; None for everything."""
    return cast("Scope | None", request.state.scope)


async def identify(request: Request) -> tuple[Session, Carrier] | None:
    """Return whose living session a request names, by bearer token or by cookie; or None."""
    token, carrier = _token(request)
    if not token:
        return None
    authenticate = parts_of(request).authenticate
    session = await authenticate.session(token, carrier, caller_of(request))
    return (session, carrier) if session else None


async def _admit(
    request: Request, permission: Permission, endpoint: str, *, narrowed: bool
) -> None:
    """Raise `ProblemError` unless the request may reach its endpoint."""
    authenticate = parts_of(request).authenticate
    token, carrier = _token(request)
    found = await authenticate.admit(token, carrier, caller_of(request)) if token else None
    if found is None:
        raise await authenticate.refuse_unknown(caller_of(request))
    session, bucket = found
    if carrier is Carrier.COOKIE:
        refuse_foreign_page(request)
    if bucket.refused:
        raise problem.too_many(bucket)
    request.state.response_headers = bucket.headers
    scope = await parts_of(request).scope_of(session)
    wide = scope is not None and not narrowed
    await authenticate.check(session, permission, endpoint, caller_of(request), too_wide=wide)
    request.state.session, request.state.scope = session, scope


def refuse_foreign_page(request: Request) -> None:
    """Raise `ProblemError` when a browser was made to ask by somebody else's page."""
    why = csrf.refusal(
        method=request.method,
        content_type=request.headers.get("content-type"),
        fetch_site=request.headers.get("sec-fetch-site"),
        origin=request.headers.get("origin"),
        own_origin=caller_of(request).own_origin,
    )
    if why:
        raise problem.foreign_page(why)


def _token(request: Request) -> tuple[str, Carrier]:
    """Return the token: a bearer's if there is one, else the cookie's. Neither stands in."""
    if headers := request.headers.getlist("authorization"):
        return _bearer(headers), Carrier.BEARER
    return session_cookie(request.headers.getlist("cookie")), Carrier.COOKIE


def _bearer(headers: Sequence[str]) -> str:
    """Return the token of the only header; two of them are nobody's."""
    scheme, _, token = headers[0].partition(" ")
    return token.strip(" ") if len(headers) == 1 and scheme.lower() == "bearer" else ""
