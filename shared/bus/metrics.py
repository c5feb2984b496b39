"""What the bus counts: the same names whatever carries the messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PREFIX: Final = "certifyclouds_bus"
_SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What is counted of each delivery of one queue; the client looks labels up anew each time."""

    received: Counter
    handled: Counter
    seconds: Histogram


class Metrics:
    """The bus's metrics in one service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.emitted = Counter(
            f"{_PREFIX}_emitted",
            "Events given to the outbox; one whose transaction rolled back is counted too.",
            ["type"],
            registry=registry,
        )
        self.received = Counter(
            f"{_PREFIX}_received", "Deliveries handed to a handler.", ["queue"], registry=registry
        )
        self.handled = Counter(
            f"{_PREFIX}_handled", "Deliveries handled.", ["queue"], registry=registry
        )
        self.failed = Counter(
            f"{_PREFIX}_failed",
            "Deliveries whose handler failed and that come again later.",
            ["queue", "error"],
            registry=registry,
        )
        self.dead_lettered = Counter(
            f"{_PREFIX}_dead_lettered",
            "Deliveries laid aside for a person.",
            ["queue", "reason"],
            registry=registry,
        )
        self.seconds = Histogram(
            f"{_PREFIX}_handling_seconds",
            "How long handling took.",
            ["queue"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.outbox_age = Gauge(
            f"{_PREFIX}_outbox_age_seconds",
            "Age of the oldest event in the database that waits to be taken.",
            registry=registry,
        )
        self.outbox_depth = Gauge(
            f"{_PREFIX}_outbox_depth",
            "Events in the database that wait to be taken; counting ends at 100,000.",
            registry=registry,
        )
        self.relayed = Counter(
            f"{_PREFIX}_relayed", "Events passed from the outbox to the broker.", registry=registry
        )
        self.relay_failed = Counter(
            f"{_PREFIX}_relay_failed",
            "Events that the broker did not confirm, by reason; they stay in the outbox.",
            ["reason"],
            registry=registry,
        )
        self.relay_in_flight = Gauge(
            f"{_PREFIX}_relay_in_flight",
            "Events that were sent to the broker and are not confirmed yet.",
            registry=registry,
        )
        self._deliveries: dict[str, Deliveries] = {}

    def deliveries(self, queue: str) -> Deliveries:
        """Return what is counted of a queue's deliveries."""
        if queue not in self._deliveries:
            self._deliveries[queue] = Deliveries(
                self.received.labels(queue), self.handled.labels(queue), self.seconds.labels(queue)
            )
        return self._deliveries[queue]
