"""From a delivery to a handler and back: read, set the context, call, settle.

Both kinds of bus come through here, so that retries, dead letters, traces and metrics are the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.context import attach, detach
from opentelemetry.propagate import get_global_textmap
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from pydantic import ValidationError

from shared.bus.failures import tell
from shared.bus.message import Message, UnreadableError, current, read_headers
from shared.bus.metrics import Metrics
from shared.bus.retry import Again, Dead, Retry, describe, verdict
from shared.bus.transports.base import Inbound
from shared.events import EVENTS, Event
from shared.telemetry import get_logger

Handler = Callable[[Any, Message], Awaitable[None]]

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One handler: which queue it serves, what it expects there, and how often it is tried."""

    queue: str
    event: type[Event]
    handler: Handler
    workers: int
    retry: Retry


class Dispatcher:
    """Takes deliveries to handlers. It raises nothing: every outcome is settled on the bus."""

    def __init__(self, metrics: Metrics, tracer: Tracer, system: str) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._system: Final = system
        self._propagator: Final = get_global_textmap()
        self._trace_headers: Final = tuple(self._propagator.fields)

    async def dispatch(self, route: Route, delivery: Inbound) -> None:
        """Handle one delivery and settle it."""
        counted = self._metrics.deliveries(route.queue)
        counted.received.inc()
        try:
            with counted.seconds.time():
                await self._handle(route, delivery)
        except Exception as error:  # noqa: BLE001 - every error has a verdict
            await self._settle(self._fail(route, delivery, error), route)
        else:
            counted.handled.inc()
            await self._settle(delivery.complete(), route)

    async def _handle(self, route: Route, delivery: Inbound) -> None:
        message = read_headers(delivery.headers, queue=route.queue, attempt=delivery.attempt)
        event = read_event(route.event, message.type, delivery.body)
        span = self._tracer.start_span(
            f"handle {message.type}",
            context=self._propagator.extract(self._trace_of(delivery.headers)),
            kind=SpanKind.CONSUMER,
            attributes=attributes(self._system, message),
        )
        # OpenTelemetry's own block records an error as it is; `describe` keeps secrets out of it.
        within, token = attach(set_span_in_context(span)), current.set(message)
        try:
            await route.handler(event, message)
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, describe(error)))
            raise
        finally:
            current.reset(token)
            detach(within)
            span.end()

    def _trace_of(self, headers: Mapping[str, object]) -> dict[str, str]:
        return {name: str(headers[name]) for name in self._trace_headers if name in headers}

    async def _fail(self, route: Route, delivery: Inbound, error: Exception) -> None:
        decision = verdict(error, attempt=delivery.attempt, retry=route.retry)
        log = logger.bind(
            queue=route.queue, attempt=delivery.attempt, event_id=delivery.headers.get("ce-id")
        )
        match decision:
            case Again(delay):
                self._metrics.failed.labels(route.queue, type(error).__name__).inc()
                log.warning("tried again later", seconds=round(delay, 1), error=describe(error))
                await delivery.retry(delay)
            case Dead(reason, description):
                self._metrics.dead_lettered.labels(route.queue, reason).inc()
                log.error("became a dead letter", reason=reason, error=description)
                await delivery.bury(reason, description)

    async def _settle(self, settling: Awaitable[None], route: Route) -> None:
        """Settle; where that fails the bus delivers again, and the inbox drops what was done."""
        try:
            await settling
        except Exception as error:  # noqa: BLE001 - told, and the bus delivers again
            tell(logger, "could not settle: it is delivered again", error, queue=route.queue)


def read_event(expected: type[Event], wire_type: str, body: bytes) -> Event:
    """Read a body as the expected event. Raises `UnreadableError` that says what to do."""
    if wire_type != expected.type:
        raise _unexpected(expected, wire_type)
    try:
        return expected.model_validate_json(body)
    except ValidationError as error:
        kinds = {problem["type"] for problem in error.errors(include_input=False)}
        reason = "corrupt_body" if kinds <= {"json_invalid", "model_type"} else "invalid_event"
        raise UnreadableError(
            reason, f"The body is not a {wire_type} ({describe(error)}); its publisher is at fault."
        ) from None


def _unexpected(expected: type[Event], wire_type: str) -> UnreadableError:
    base, _, version = wire_type.rpartition(".v")
    known, _, own = expected.type.rpartition(".v")
    if base == known and version.isdigit() and int(version) > int(own):
        return UnreadableError(
            "newer_version",
            f"This release reads {expected.type} and not {wire_type}; update it, then replay.",
        )
    reason = "wrong_queue" if wire_type in EVENTS else "unknown_type"
    return UnreadableError(
        reason, f"The queue is for {expected.type} and the message is a {wire_type[:100]}."
    )


def attributes(system: str, message: Message) -> dict[str, str]:
    """Return a span's attributes, named by OpenTelemetry's conventions for messaging."""
    return {
        "messaging.system": system,
        "messaging.message.id": str(message.id),
        "messaging.message.conversation_id": str(message.correlation_id),
        "messaging.destination.name": message.queue or message.type,
    }
