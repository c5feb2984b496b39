"""What others see of the broker: the AsyncAPI document, metrics, traces, log lines."""

import logging

import pytest
from faststream.asgi import AsgiFastStream
from faststream.exceptions import NackMessage
from faststream.specification import AsyncAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from pydantic_asyncapi.v3 import AsyncAPI as Document

from shared.bus.broker.servicebus import ServiceBusBroker, ServiceBusMessage, ServiceBusRouter
from shared.bus.broker.servicebus.annotations import Client
from shared.bus.broker.servicebus.opentelemetry import ServiceBusTelemetryMiddleware
from shared.bus.broker.servicebus.prometheus import ServiceBusPrometheusMiddleware
from tests.support.service_bus import NOWHERE, QUICK, OnTheEmulator, Rig, until


def test_the_asyncapi_document_names_server_channels_and_payloads() -> None:
    router = ServiceBusRouter("eu.")
    broker = ServiceBusBroker(
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0",
        routers=[router],
        description="the bus",
    )

    @router.subscriber(topic="events", subscription="mail", title="mail")
    @router.publisher("sent")
    async def handle(amount: int) -> str:
        """Send a mail."""
        return str(amount)

    @broker.subscriber("orders", sub_queue="deadletter")
    async def dead(body: str) -> None: ...

    document = AsyncAPI(broker, schema_version="3.0.0").to_specification().to_jsonable()
    Document.model_validate(document)
    (server,) = document["servers"].values()
    assert (server["host"], server["protocol"]) == ("x.servicebus.windows.net", "amqps")
    assert server["protocolVersion"] == "1.0"
    assert {name: channel["address"] for name, channel in document["channels"].items()} == {
        "mail": "eu.events/Subscriptions/mail",
        "eu.sent:Publisher": "eu.sent",
        "orders.$deadletterqueue:Dead": "orders/$deadletterqueue",
    }
    actions = sorted(one["action"] for one in document["operations"].values())
    assert actions == ["receive", "receive", "send"]
    assert "c2VjcmV0" not in str(document)


async def test_metrics_carry_faststream_s_names_for_this_broker(rig: Rig) -> None:
    registry, seen = CollectorRegistry(), []
    broker = rig.make(middlewares=[ServiceBusPrometheusMiddleware(registry=registry, app_name="a")])
    rig.queue("orders")

    @broker.subscriber("orders")
    async def handle(body: str) -> None:
        seen.append(body)

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(lambda: seen)
        await rig.ended("orders")
    labels = {"app_name": "a", "broker": "servicebus"}
    received = registry.get_sample_value(
        "faststream_received_messages_total", {**labels, "handler": "orders"}
    )
    published = registry.get_sample_value(
        "faststream_published_messages_total",
        {**labels, "destination": "orders", "status": "success"},
    )
    assert (received, published) == (1.0, 1.0)


async def test_one_trace_goes_from_the_publisher_through_every_try(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    broker = rig.make(middlewares=[ServiceBusTelemetryMiddleware(tracer_provider=provider)])
    rig.queue("orders")

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message)
        if not message.attempt:
            raise NackMessage(delay=0.01)

    async with rig.running(broker):
        await broker.publish("x", "orders", message_id="m")
        await until(lambda: len(seen) == 2)
        await rig.ended("orders")
    finished = spans.get_finished_spans()
    assert len({span.context.trace_id for span in finished}) == 1
    names = sorted(span.name for span in finished)
    assert names.count("orders process") == 2
    assert "orders publish" in names
    processed = [span for span in finished if span.name == "orders process"]
    assert [span.attributes["messaging.system"] for span in processed] == ["servicebus"] * 2
    assert [span.attributes["messaging.message.id"] for span in processed] == ["m"] * 2


async def test_faststream_s_own_application_runs_the_broker(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()

    @broker.subscriber("orders")
    async def handle(body: str, client: Client) -> None:
        seen.append((body, client))

    app = AsgiFastStream(broker, logger=None)
    await app.start()
    await broker.publish("x", "orders")
    await until(lambda: seen)
    client = broker.client
    await app.stop()
    assert seen == [("x", client)]


async def test_log_lines_name_the_entity_and_show_where_a_fault_of_ours_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "faststream.access.servicebus"
    for handler in list(logging.getLogger(name).handlers):
        logging.getLogger(name).removeHandler(handler)
    broker = ServiceBusBroker(NOWHERE, timing=QUICK)
    subscriber = broker.subscriber("orders", sub_queue="deadletter")
    async with broker:
        subscriber.tell("something happened", OSError("the network"))
        subscriber.tell("something else", ValueError("a fault of ours"))
    lines = capsys.readouterr().out.splitlines()
    assert "orders/$deadletterqueue" in lines[0]
    assert lines[0].endswith("something happened (OSError: the network)")
    assert lines[1].endswith("something else (ValueError: a fault of ours)")
    assert lines[2:] == ["ValueError: a fault of ours"]
