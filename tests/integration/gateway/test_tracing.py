"""How a request is named, and what of it is traced."""

from pathlib import Path
from uuid import UUID

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway


async def test_the_name_of_a_request_is_a_uuid_like_those_of_events(gateway: Gateway) -> None:
    async with gateway.client() as http:
        names = [(await http.get("/health/live")).headers["x-request-id"] for _ in range(20)]

    assert [str(UUID(name)) for name in names] == names
    assert {UUID(name).version for name in names} == {4}
    assert len(set(names)) == 20


async def test_what_is_asked_for_is_traced_and_probes_are_not(
    database: Database, tmp_path: Path
) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with (
        running_gateway(database, tmp_path, tracer_provider=provider) as gateway,
        gateway.client() as http,
    ):
        for path in ("/health/live", "/health", "/api/v1/auth/me"):
            assert "x-request-id" in (await http.get(path)).headers

    [span] = [one for one in spans.get_finished_spans() if one.kind is SpanKind.SERVER]
    assert span.name == "GET /api/v1/auth/me"
    assert (span.attributes or {})["http.response.status_code"] == 401
