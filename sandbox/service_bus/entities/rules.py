"""Which messages a subscription wants (Service Bus documentation, "Topic filters and actions")."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from sandbox.service_bus.codec import Value
from sandbox.service_bus.message import Message

DEFAULT_RULE: Final = "$Default"

# Where the properties of a message stand in its properties section (AMQP 1.0 part 3, 3.2.4).
_PLACES: Final = {
    "message_id": 0,
    "to": 2,
    "label": 3,
    "reply_to": 4,
    "correlation_id": 5,
    "content_type": 6,
    "session_id": 10,
    "reply_to_session_id": 12,
}


class Filter(Protocol):
    """Says whether a subscription wants a message."""

    def matches(self, message: Message) -> bool: ...


@dataclass(frozen=True, slots=True)
class TrueFilter:
    """Wants everything: the rule that a subscription is born with."""

    def matches(self, message: Message) -> bool:  # noqa: ARG002 - the protocol's
        return True


@dataclass(frozen=True, slots=True)
class FalseFilter:
    """Wants nothing."""

    def matches(self, message: Message) -> bool:  # noqa: ARG002 - the protocol's
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationFilter:
    """Wants messages whose properties equal every one that is given; `label` is the subject."""

    correlation_id: str | None = None
    message_id: str | None = None
    to: str | None = None
    reply_to: str | None = None
    label: str | None = None
    session_id: str | None = None
    reply_to_session_id: str | None = None
    content_type: str | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)

    def matches(self, message: Message) -> bool:
        for name, place in _PLACES.items():
            wanted = getattr(self, name)
            if wanted is not None and _text(message.field(place)) != wanted:
                return False
        return not self.properties or self._properties_match(message)

    def _properties_match(self, message: Message) -> bool:
        found = {_text(key): value for key, value in message.application_properties.items()}
        return all(
            key in found and _text(found[key]) == _text(value)
            for key, value in self.properties.items()
        )


def _text(value: Value) -> Value:
    """Return bytes as the text they are: the Python client sends either."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
