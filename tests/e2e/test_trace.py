"""One scan is one trace: from the HTTP request to the last handler, whatever bus carries it."""

from collections import Counter
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.cli.settings import SERVICES
from shared.bus.topology import SUBSCRIPTIONS
from shared.events import ScanCompleted, ScanRequested, ScanShardRequested, VaultScanned
from tests.support.database import Database
from tests.support.platform import running
from tests.support.sandbox import Sandbox
from tests.support.waiting import eventually

SCAN_EVENTS = {e.type for e in (ScanRequested, ScanShardRequested, VaultScanned, ScanCompleted)}


def providers(exporter: InMemorySpanExporter) -> dict[str, TracerProvider]:
    """Return one provider per service, all writing to the same memory."""
    made = {}
    for name in SERVICES:
        made[name] = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
        made[name].add_span_processor(SimpleSpanProcessor(exporter))
    return made


def tree(spans: list[ReadableSpan]) -> str:
    """Draw the spans of one trace, children under their parents."""
    children: dict[int | None, list[ReadableSpan]] = {}
    ids = {span.context.span_id for span in spans}
    for span in sorted(spans, key=lambda s: s.start_time or 0):
        parent = span.parent.span_id if span.parent and span.parent.span_id in ids else None
        children.setdefault(parent, []).append(span)

    def draw(parent: int | None, depth: int) -> list[str]:
        lines = []
        for span in children.get(parent, []):
            lines.append(f"{'  ' * depth}{span.resource.attributes[SERVICE_NAME]}: {span.name}")
            lines += draw(span.context.span_id, depth + 1)
        return lines

    return "\n".join(draw(None, 0))


def all_handled(spans: list[ReadableSpan]) -> bool:
    """Whether each event that was emitted was handled by every service that subscribes to it."""
    names = Counter(span.name for span in spans)
    emitted = {name.removeprefix("emit "): n for name, n in names.items() if "emit " in name}
    return emitted.keys() >= SCAN_EVENTS and all(
        names[f"handle {wire_type}"] >= times * len(subscribers(wire_type))
        for wire_type, times in emitted.items()
    )


def subscribers(wire_type: str) -> list[str]:
    return [
        service
        for service, events in SUBSCRIPTIONS.items()
        if any(event.type == wire_type for event in events)
    ]


@pytest.mark.usefixtures("cloud_variables")
async def test_a_scan_is_one_trace_from_the_request_to_the_last_handler(
    database: Database, random_sandbox: Sandbox, tmp_path: Path
) -> None:
    exporter = InMemorySpanExporter()
    async with (
        running(
            database, tmp_path, sandbox=random_sandbox.ready, tracers=providers(exporter),
            scan_when_empty=False,
        ) as platform,
        httpx.AsyncClient(base_url=platform.url + "/api/v1", trust_env=False) as http,
    ):  # fmt: skip
        body = {
            "setup_token": platform.setup_token,
            "username": "ada",
            "password": "a-long-walk-home",
        }
        token = (await http.post("/auth/login", json=body)).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        scan = (await http.post("/scans", json={"mode": "full"})).json()["id"]

        async def ended() -> bool:
            answer = (await http.get(f"/scans/{scan}")).json()
            return answer["state"] == "completed"

        await eventually(ended)

        def whole() -> list[ReadableSpan]:
            spans = exporter.get_finished_spans()
            asked = [s for s in spans if s.name.startswith("POST") and "scans" in s.name]
            if not asked:
                return []
            trace = asked[0].context.trace_id
            found = [s for s in spans if s.context.trace_id == trace]
            return found if all_handled(found) else []

        spans = await eventually(whole)

    drawn = tree(spans)
    print(drawn)
    roots = [line for line in drawn.splitlines() if not line.startswith(" ")]
    assert len(roots) == 1, drawn
    assert roots[0].startswith("gateway: POST")
    assert all_handled(spans), drawn
