"""OpenTelemetry traces that go on from the publisher to the handler."""

from shared.bus.broker.servicebus.opentelemetry.middleware import ServiceBusTelemetryMiddleware

__all__ = ["ServiceBusTelemetryMiddleware"]
