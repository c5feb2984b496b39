"""Prometheus metrics with the names that FastStream's own brokers use."""

from shared.bus.broker.servicebus.prometheus.middleware import ServiceBusPrometheusMiddleware

__all__ = ["ServiceBusPrometheusMiddleware"]
