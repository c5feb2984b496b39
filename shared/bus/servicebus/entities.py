"""The entities of the bus on Azure Service Bus.

One topic, and for each event that a service hears a subscription and the queue `<service>.<type>`
to which it forwards. Only queues are consumed: a copy that is scheduled for a retry goes to the
consumer's own queue and reaches nobody else. Dead letters stay in the queue's `$deadletterqueue`.

Names and values are those of the resource types Microsoft.ServiceBus/namespaces/topics, /queues and
/topics/subscriptions (Azure Resource Manager reference, 2024-01-01).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

TOPIC: Final = "certifyclouds.events"
RULE: Final = "by-type"
# Azure Service Bus quotas: a subscription's or rule's name has at most 50 characters.
LONGEST_NAME: Final = 50
# The longest that Service Bus lets a message be locked; ours is renewed under a longer handler.
LOCK: Final = "PT60S"
# The same event, sent again by a relay that did not hear the confirmation, is dropped for so long.
DUPLICATE_WINDOW: Final = "PT600S"
# Only deliveries whose lock ended count; our own retries are new messages.
DELIVERY_LIMIT: Final = 20
MEGABYTES: Final = 5120
_PREFIX: Final = "certifyclouds."


def duration(time: timedelta) -> str:
    """Return a time as the entities' properties have it (ISO 8601), in whole seconds."""
    return f"PT{time.total_seconds():.0f}S"


def subscription_name(queue: str) -> str:
    """Return the name of the subscription that fills a queue."""
    return queue.replace(_PREFIX, "", 1)


def topic() -> dict[str, Any]:
    """Return the topic's properties."""
    return {
        "requiresDuplicateDetection": True,
        "duplicateDetectionHistoryTimeWindow": DUPLICATE_WINDOW,
        "maxSizeInMegabytes": MEGABYTES,
    }


def queue() -> dict[str, Any]:
    """Return the properties of each queue. Nothing in it ends by itself."""
    return {
        "requiresDuplicateDetection": True,
        "duplicateDetectionHistoryTimeWindow": DUPLICATE_WINDOW,
        "maxSizeInMegabytes": MEGABYTES,
        "lockDuration": LOCK,
        "maxDeliveryCount": DELIVERY_LIMIT,
    }


def subscription(queue_name: str) -> dict[str, Any]:
    """Return the properties of the subscription that forwards to a queue."""
    return {
        "forwardTo": queue_name,
        "lockDuration": LOCK,
        "maxDeliveryCount": DELIVERY_LIMIT,
        "deadLetteringOnFilterEvaluationExceptions": True,
    }


def rule(wire_type: str) -> dict[str, Any]:
    """Return the properties of a subscription's one rule: the event's type is the label."""
    return {"filterType": "CorrelationFilter", "correlationFilter": {"label": wire_type}}


def definitions(queues: Mapping[str, str]) -> dict[str, Any]:
    """Return all entities of `queues` (name to event type) as a template declares them."""
    return {
        "topics": [{"name": TOPIC, "properties": topic()}],
        "queues": [{"name": name, "properties": queue()} for name in sorted(queues)],
        "subscriptions": [
            {
                "topic": TOPIC,
                "name": subscription_name(name),
                "properties": subscription(name),
                "rules": [{"name": RULE, "properties": rule(queues[name])}],
            }
            for name in sorted(queues)
        ],
    }
