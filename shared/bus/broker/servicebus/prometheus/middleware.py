"""The middleware that counts and times what is consumed and published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from faststream._internal.constants import EMPTY
from faststream.prometheus.middleware import PrometheusMiddleware
from prometheus_client import CollectorRegistry

from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.prometheus.provider import ServiceBusMetricsSettingsProvider
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand


class ServiceBusPrometheusMiddleware(PrometheusMiddleware[Delivery, ServiceBusPublishCommand]):
    """FastStream's metrics, with `broker="servicebus"`."""

    def __init__(
        self,
        *,
        registry: CollectorRegistry,
        app_name: str = EMPTY,
        metrics_prefix: str = "faststream",
        received_messages_size_buckets: Sequence[float] | None = None,
        custom_labels: dict[str, str | Callable[[Any], str]] | None = None,
    ) -> None:
        super().__init__(
            settings_provider_factory=lambda _: ServiceBusMetricsSettingsProvider(),
            registry=registry,
            app_name=app_name,
            metrics_prefix=metrics_prefix,
            received_messages_size_buckets=received_messages_size_buckets,
            custom_labels=custom_labels,
        )
