"""The outermost layer: an id, a span and a count for each request, and headers on each answer."""

import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, Tracer
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.middleware.body_limit import limited
from services.gateway.middleware.caller import caller_of
from shared.telemetry import get_logger

logger = get_logger(__name__)

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# Swagger UI sets styles in its markup; its scripts are files of ours like any other.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_API_POLICY: Final = (
    "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"


def request_id(scope: Scope) -> str:
    """Return the id under which a request is logged."""
    return str(scope["state"]["request_id"])


def request_uuid(request: Request) -> UUID:
    """Return the same id as what begins a course of events on the bus."""
    return UUID(request_id(request.scope))


class Envelope:
    """An ASGI application around the gateway's."""

    def __init__(
        self, app: ASGIApp, *, tracer: Tracer, registry: CollectorRegistry, most_bytes: int
    ) -> None:
        self.inner = app
        self._most_bytes = most_bytes
        self._tracer = tracer
        self._count = Counter(
            "gateway_http_requests_total",
            "Answered requests.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "gateway_http_request_seconds",
            "Time until the answer's first byte.",
            ["method", "route"],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing else than HTTP is served."""
        if scope["type"] != "http":
            return
        scope.setdefault("state", {})["request_id"] = str(uuid4())
        with structlog.contextvars.bound_contextvars(request_id=request_id(scope)):
            await self._traced(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 0
        receive_on = limited(scope, receive, self._most_bytes)

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(scope, message)
                self._observe(scope, status, time.perf_counter() - began)
            await send(message)

        with self._tracer.start_as_current_span(
            scope["method"],
            context=extract(dict(Headers(scope=scope))),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
        ) as span:
            try:
                await self.inner(scope, receive_on, send_on)
            except Exception as error:
                # The problem document was sent by the inner handler; a broken stream has no answer.
                if not status:
                    raise
                logger.debug("an answer broke off", error=type(error).__name__)
            span.update_name(f"{scope['method']} {_route(scope)}")
            span.set_attribute("http.response.status_code", status)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        self._count.labels(scope["method"], _route(scope), str(status)).inc()
        self._seconds.labels(scope["method"], _route(scope)).observe(seconds)


def _route(scope: Scope) -> str:
    """Return the route's pattern: one label for each endpoint, none for a stranger's guess."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "other"))


def _add_headers(scope: Scope, message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _headers(scope).items():
        headers.setdefault(name, value)


def _headers(scope: Scope) -> dict[str, str]:
    path = scope["path"]
    found = {**_ALWAYS, "x-request-id": request_id(scope)}
    if path == "/docs":
        found["content-security-policy"] = _DOCS_POLICY
    elif path == "/" or path.startswith("/assets/"):
        found["content-security-policy"] = _PAGE_POLICY
    else:
        found["content-security-policy"] = _API_POLICY
    if not path.startswith("/assets/"):
        found["cache-control"] = "no-store"
    if caller_of(Request(scope)).is_https:
        found["strict-transport-security"] = _STRICT_TRANSPORT
    own: dict[str, str] = scope["state"].get("response_headers", {})
    return found | own
