"""The outermost layer: an id, a span and a count for each request, and headers on each answer."""

import time
from random import getrandbits
from typing import Any, Final
from uuid import UUID

from opentelemetry.context import Context, attach, detach
from opentelemetry.propagate import get_global_textmap
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from services.gateway.middleware.body_limit import limited
from services.gateway.middleware.headers import add_headers
from shared.telemetry import get_logger

logger = get_logger(__name__)

_PROBES: Final = "/health"  # asked every few seconds: their traces would hide all others
_VERSION_4: Final = 0x4 << 76 | 0b10 << 62
_FREE: Final = ~(0xF << 76 | 0b11 << 62)


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
        self._propagator = get_global_textmap()
        self._trace_headers = frozenset(name.encode() for name in self._propagator.fields)
        # The client looks labels up anew each time; there are as many as routes and statuses.
        self._kept: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
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
        scope.setdefault("state", {})["request_id"] = _new_id()
        scope["fastapi.telemetry"] = None  # FastAPI would look for settings of its own each time
        tokens = bind_contextvars(request_id=request_id(scope))
        answer = self._answered if scope["path"].startswith(_PROBES) else self._traced
        try:
            await answer(scope, receive, send)
        finally:
            reset_contextvars(**tokens)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = self._tracer.start_span(
            scope["method"],
            context=self._trace_of(scope),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},
        )
        within = attach(set_span_in_context(span))
        try:
            await self._answered(scope, receive, send)
        finally:
            detach(within)
            _end(span, scope)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with our headers, within the limit of a body, and count it."""
        began = time.perf_counter()
        state = scope["state"]

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                add_headers(scope, message)
                self._observe(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self.inner(scope, limited(scope, receive, self._most_bytes), send_on)
        except Exception as error:
            # The problem document was sent by the inner handler; a broken stream has no answer.
            if "status" not in state:
                raise
            logger.debug("an answer broke off", error=type(error).__name__)

    def _trace_of(self, scope: Scope) -> Context | None:
        """Return the trace that the request belongs to; None: it begins one."""
        carried = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in self._trace_headers
        }
        return self._propagator.extract(carried) if carried else None

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        key = (scope["method"], _route(scope), str(status))
        if key not in self._kept:
            self._kept[key] = (self._count.labels(*key), self._seconds.labels(*key[:2]))
        count, histogram = self._kept[key]
        count.inc()
        histogram.observe(seconds)


def _new_id() -> str:
    """Return a UUID of version 4 (RFC 9562) as text.

    It is no secret, only a name: the system's randomness would cost a call of the kernel.
    """
    digits = f"{getrandbits(128) & _FREE | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _end(span: Span, scope: Scope) -> None:
    if span.is_recording():
        # The path itself stays out: an id in it may be a token that somebody pasted.
        span.set_attribute("http.route", _route(scope))
        span.update_name(f"{scope['method']} {_route(scope)}")
        span.set_attribute("http.response.status_code", scope["state"].get("status", 0))
    span.end()


def _route(scope: Scope) -> str:
    """Return the route's pattern: one label for each endpoint, none for a stranger's guess."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "other"))
