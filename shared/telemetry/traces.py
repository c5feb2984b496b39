"""Traces: one provider per service, exported over OTLP where an address is given."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF


def make_tracer_provider(
    service: str, *, endpoint: str | None = None, exporter: SpanExporter | None = None
) -> TracerProvider:
    """Make a service's tracer provider.

    Without an endpoint spans still have ids, which travel with the events, so that the logs of one
    scan can be joined; nothing else is kept of them.
    """
    if endpoint:
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: f"certifyclouds.{service}"}),
        sampler=None if exporter else ALWAYS_OFF,
    )
    if exporter:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
