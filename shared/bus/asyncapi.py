"""The bus as an AsyncAPI 3 document, made from the event classes and the topology.

FastStream could describe one running service; this describes all of them without running any.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from shared.bus.topology import PUBLICATIONS, SUBSCRIPTIONS, queue_name
from shared.events import EVENTS, Event

VERSION: Final = "3.0.0"
_SCHEMAS: Final = "#/components/schemas/{model}"
_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, what caused the event, and its trace.",
    "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "ce-correlationid"],
    "properties": {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {"type": "string", "format": "uuid", "description": "The event's id."},
        "ce-type": {"type": "string"},
        "ce-source": {"enum": list(SUBSCRIPTIONS), "description": "The service that published it."},
        "ce-time": {"type": "string", "format": "date-time"},
        "ce-correlationid": {
            "type": "string",
            "format": "uuid",
            "description": "The same for all that follows from one cause.",
        },
        "ce-causationid": {
            "type": "string",
            "format": "uuid",
            "description": "The event in whose handling this one was published.",
        },
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
    },
}


def document() -> dict[str, Any]:
    """Return the document; the same code gives the same bytes."""
    _, schemas = models_json_schema(
        [(event, "serialization") for event in EVENTS.values()], ref_template=_SCHEMAS
    )
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "CertifyClouds events",
            "version": "1",
            "description": "Every event between the services. None carries a secret value.",
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {event.type: _channel(event) for event in EVENTS.values()},
        "operations": dict([*_sending(), *_receiving()]),
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENTS.values()},
            "schemas": {"Headers": _HEADERS, **schemas["$defs"]},
        },
    }


def summary(event: type[Event]) -> str:
    """Return the first paragraph of an event's docstring on one line."""
    paragraph = (event.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split())


def _channel(event: type[Event]) -> dict[str, Any]:
    reference = {"$ref": f"#/components/messages/{event.__name__}"}
    return {"address": event.type, "messages": {event.__name__: reference}}


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": summary(event),
        "contentType": "application/json",
        "headers": {"$ref": _SCHEMAS.format(model="Headers")},
        "payload": {"$ref": _SCHEMAS.format(model=event.__name__)},
    }


def _sending() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{service}.send.{event.type}", _operation("send", event, f"{service} publishes it."))
        for service, events in PUBLICATIONS.items()
        for event in events
    ]


def _receiving() -> list[tuple[str, dict[str, Any]]]:
    return [
        (
            f"{service}.receive.{event.type}",
            _operation("receive", event, f"From the queue {queue_name(service, event)}."),
        )
        for service, events in SUBSCRIPTIONS.items()
        for event in events
    ]


def _operation(action: str, event: type[Event], text: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{event.type}"},
        "messages": [{"$ref": f"#/channels/{event.type}/messages/{event.__name__}"}],
        "description": text,
    }
