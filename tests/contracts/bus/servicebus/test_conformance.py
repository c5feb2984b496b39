"""What every FastStream broker promises: once in memory, once with the real client."""

from contextlib import suppress
from typing import Annotated, Any

import pytest
from faststream import Context, Depends
from faststream.exceptions import FeatureNotSupportedException, SetupError
from faststream.middlewares import AckPolicy

from shared.bus.broker.servicebus import (
    ServiceBusBroker,
    ServiceBusMessage,
    ServiceBusPublisherRoute,
    ServiceBusResponse,
    ServiceBusRoute,
    ServiceBusRouter,
)
from shared.bus.broker.servicebus.annotations import ServiceBusBroker as TheBroker
from tests.support.service_bus import Rig, until

POLICIES = {
    AckPolicy.ACK_FIRST: ("complete", "complete"),
    AckPolicy.ACK: ("complete", "complete"),
    AckPolicy.REJECT_ON_ERROR: ("complete", "dead_letter"),
    AckPolicy.NACK_ON_ERROR: ("complete", "abandon"),
    AckPolicy.MANUAL: ("left", "left"),
}


@pytest.mark.parametrize("body", [{"a": [1, None]}, "text", b"\xff\x00", 7])
async def test_a_body_arrives_as_it_was_published(rig: Rig, body: Any) -> None:
    broker, seen = rig.make(apply_types=False), []
    rig.queue("orders")

    @broker.subscriber("orders")
    async def handle(body: Any) -> None:
        seen.append(body)

    async with rig.running(broker):
        await broker.publish(body, "orders")
        await until(lambda: seen)
    assert seen == [body]


async def test_what_belongs_to_a_message_arrives_with_it(rig: Rig) -> None:
    broker, seen = rig.make(), []
    rig.queue("orders")

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message)

    async with rig.running(broker):
        await broker.publish(
            "x",
            "orders",
            headers={"tenant": "a", "size": 3, "ok": True},
            correlation_id="c-1",
            message_id="m-1",
            subject="created",
        )
        await until(lambda: seen)
    (message,) = seen
    assert message.headers == {"tenant": "a", "size": 3, "ok": True}
    assert (message.correlation_id, message.message_id) == ("c-1", "m-1")
    assert message.content_type == "text/plain"
    assert (message.delivery.envelope.subject, message.attempt) == ("created", 0)


async def test_what_a_handler_returns_is_published(rig: Rig) -> None:
    broker, seen = rig.make(), []
    rig.queue("orders", "invoices")

    @broker.subscriber("invoices")
    async def take(body: dict[str, int], message: ServiceBusMessage) -> None:
        seen.append((body, message.headers["kind"], message.delivery.envelope.subject))

    @broker.subscriber("orders")
    @broker.publisher("invoices", headers={"kind": "invoice"}, subject="made")
    async def handle(amount: int) -> ServiceBusResponse:
        return ServiceBusResponse({"amount": amount}, headers={"other": "x"})

    async with rig.running(broker):
        await broker.publish(12, "orders", correlation_id="c")
        await until(lambda: seen)
    assert seen == [({"amount": 12}, "invoice", "made")]


async def test_an_answer_goes_where_the_message_asks_for_it(rig: Rig) -> None:
    broker, answers = rig.make(), []
    rig.queue("questions", "answers")

    @broker.subscriber("answers")
    async def take(body: str, message: ServiceBusMessage) -> None:
        answers.append((body, message.correlation_id))

    @broker.subscriber("questions")
    async def handle(body: str) -> str:
        return body.upper()

    async with rig.running(broker):
        await broker.publish("why", "questions", reply_to="answers", correlation_id="c-2")
        await until(lambda: answers)
    assert answers == [("WHY", "c-2")]


async def test_every_subscription_of_a_topic_gets_a_message_once(rig: Rig) -> None:
    broker, seen = rig.make(), []
    rig.subscription("events", "audit", "mail")
    publisher = broker.publisher(topic="events")

    @broker.subscriber(topic="events", subscription="audit")
    async def audit(body: str) -> None:
        seen.append(("audit", body))

    @broker.subscriber(topic="events", subscription="mail")
    async def mail(body: str) -> None:
        seen.append(("mail", body))

    async with rig.running(broker):
        await publisher.publish("hello")
        await until(lambda: len(seen) == 2)
    assert sorted(seen) == [("audit", "hello"), ("mail", "hello")]


async def test_a_router_s_prefix_goes_before_its_queues_and_topics(rig: Rig) -> None:
    seen: list[str] = []

    async def route(body: str) -> str:
        return f"routed {body}"

    inner = ServiceBusRouter(
        "b.", [ServiceBusRoute(route, "in", publishers=[ServiceBusPublisherRoute("out")])]
    )
    outer = ServiceBusRouter("a.", routers=[inner])
    broker = rig.make(routers=[outer])
    rig.queue("a.b.in", "a.b.out")

    @inner.subscriber("out")
    async def take(body: str) -> None:
        seen.append(body)

    async with rig.running(broker):
        await broker.publish("x", "a.b.in")
        await until(lambda: seen)
    assert seen == ["routed x"]
    with pytest.raises(SetupError, match="ServiceBusRouter is needed"):
        broker.include_router(object())  # type: ignore[arg-type]


async def test_each_policy_settles_a_success_and_an_error_in_its_way(rig: Rig) -> None:
    broker, called = rig.make(), []
    for policy in POLICIES:
        rig.queue(f"{policy.value}.good", f"{policy.value}.bad")

        async def good(body: str) -> None:
            called.append(body)

        async def bad(body: str) -> None:
            called.append(body)
            raise RuntimeError("a fault of the handler")

        broker.subscriber(f"{policy.value}.good", ack_policy=policy)(good)
        broker.subscriber(f"{policy.value}.bad", ack_policy=policy)(bad)

    ended = {}
    async with rig.running(broker):
        for policy in POLICIES:
            for queue in (f"{policy.value}.good", f"{policy.value}.bad"):
                with suppress(RuntimeError):
                    await broker.publish(queue, queue)
                await until(lambda queue=queue: queue in called)
        for policy in POLICIES:
            settled = policy is not AckPolicy.MANUAL
            ended[policy] = (
                await rig.ended(f"{policy.value}.good", settled=settled),
                await rig.ended(f"{policy.value}.bad", settled=settled),
            )
    assert ended == POLICIES


@pytest.mark.parametrize(
    ("how", "expected"),
    [("ack", "complete"), ("nack", "abandon"), ("reject", "dead_letter")],
)
async def test_a_handler_that_settles_by_itself_does_it_once(
    rig: Rig, how: str, expected: str
) -> None:
    broker, called = rig.make(ack_policy=AckPolicy.MANUAL), []
    rig.queue("orders")

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        called.append(message)
        await getattr(message, how)()
        await message.ack()

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(lambda: called)
        assert await rig.ended("orders") == expected


async def test_handlers_get_what_they_ask_for_by_type_and_by_name(rig: Rig) -> None:
    broker, seen = rig.make(), []
    rig.queue("orders")
    broker.context.set_global("rate", 3)

    async def doubled(rate: Annotated[int, Context()]) -> int:
        return rate * 2

    @broker.subscriber("orders")
    async def handle(the_broker: TheBroker, twice: Annotated[int, Depends(doubled)]) -> None:
        seen.append((the_broker, twice))

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(lambda: seen)
    assert seen == [(broker, 6)]


async def test_a_mock_remembers_what_a_handler_got(rig: Rig) -> None:
    broker = rig.make()
    rig.queue("orders", "invoices")

    @broker.subscriber("orders")
    @broker.publisher("invoices")
    async def handle(body: dict[str, int]) -> str:
        return f"paid {body['n']}"

    publisher = next(iter(broker.publishers))
    async with rig.running(broker):
        await broker.publish({"n": 1}, "orders")
        await handle.wait_call(10)
        assert handle.mock is not None
        handle.mock.assert_called_once_with({"n": 1})
        await until(lambda: publisher.mock.called)  # type: ignore[attr-defined]
        publisher.mock.assert_called_once_with("paid 1")  # type: ignore[attr-defined]


async def test_what_is_not_supported_says_so() -> None:
    broker = ServiceBusBroker("Endpoint=sb://x.servicebus.windows.net;SharedAccessKeyName=a")
    with pytest.raises(FeatureNotSupportedException, match="reply_to"):
        await broker.request("x", "orders")
    with pytest.raises(FeatureNotSupportedException, match="reply_to"):
        await broker.publisher("orders").request("x")
    with pytest.raises(FeatureNotSupportedException, match="batches"):
        await broker.publish_batch("x", queue="orders")
    for option in ("sessions", "batch"):
        with pytest.raises(FeatureNotSupportedException, match="message by message"):
            broker.subscriber("orders", **{option: True})


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"queue": "a", "topic": "b", "subscription": "c"},
        {"topic": "b"},
        {"queue": "a", "subscription": "c"},
        {"queue": "a", "max_workers": 0},
        {"queue": "a", "prefetch": -1},
        {"queue": "a", "max_lock_renewal": -1.0},
    ],
)
def test_a_subscriber_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    broker = ServiceBusBroker("Endpoint=sb://x.servicebus.windows.net;SharedAccessKeyName=a")
    with pytest.raises(SetupError):
        broker.subscriber(**wrong)
    with pytest.raises(SetupError):
        broker.publisher()
