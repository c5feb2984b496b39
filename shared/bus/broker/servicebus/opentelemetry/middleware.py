"""The middleware that makes spans of what is consumed and published."""

from __future__ import annotations

from faststream.opentelemetry.middleware import TelemetryMiddleware
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.trace import TracerProvider

from shared.bus.broker.servicebus.opentelemetry.provider import ServiceBusTelemetrySettingsProvider
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand


class ServiceBusTelemetryMiddleware(TelemetryMiddleware[ServiceBusPublishCommand]):
    """FastStream's spans; the trace travels in the application property `traceparent`."""

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        meter: Meter | None = None,
        include_messages_counters: bool = True,
    ) -> None:
        super().__init__(
            settings_provider_factory=lambda _: ServiceBusTelemetrySettingsProvider(),
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            meter=meter,
            include_messages_counters=include_messages_counters,
        )
