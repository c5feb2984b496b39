"""What publishing to RabbitMQ says when it does not succeed, and when it waits."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aio_pika.exceptions import ChannelInvalidStateError, DeliveryError, PublishError
from pamqp.commands import Basic

from shared.bus.backends import rabbit_publisher
from shared.bus.backends.rabbit_publisher import RabbitPublisher
from shared.bus.relay import SendError
from shared.bus.standing import Standing
from shared.bus.store import Claimed

RETURNED: Any = SimpleNamespace(delivery=Basic.Return())


@pytest.fixture
def publisher() -> RabbitPublisher:
    return RabbitPublisher("amqp://u:hunter2@127.0.0.1:1/", Standing(), reconnect_seconds=1.0)


def claimed() -> Claimed:
    return Claimed(
        seq=1, lease=uuid4(), queue="relay", attempt=0, message_id=uuid4(), type="t", headers={},
        body=b"{}", route=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (PublishError(RETURNED, Basic.Return()), "unroutable", "run certifyclouds migrate"),
        (DeliveryError(None, Basic.Nack()), "refused", "lost its quorum"),
        (TimeoutError(), "timed_out", "did not confirm"),
        (ChannelInvalidStateError("amqp://u:hunter2@h/"), "disconnected", "broke"),
    ],
)
async def test_each_failure_has_its_reason_and_says_what_it_means(
    publisher: RabbitPublisher,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
    words: str,
) -> None:
    async def publish(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(publisher._broker, "publish", publish)
    with pytest.raises(SendError, match=words) as found:
        await publisher.send(claimed())

    assert found.value.reason == reason
    assert "hunter2" not in str(found.value)


async def test_a_copy_waits_for_the_end_of_an_alarm_instead_of_failing(
    publisher: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, published = [True, True, False], []

    async def is_blocked(_: object) -> bool:
        assert not published
        return looks.pop(0)

    async def publish(*what: Any, **_: object) -> None:
        published.append(what)

    monkeypatch.setattr(rabbit_publisher, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(rabbit_publisher, "is_blocked", is_blocked)
    monkeypatch.setattr(publisher._broker, "publish", publish)
    await publisher.copy(
        b"{}", "q.retry", headers={}, content_type=None, message_id="1:1", expiration=1.0
    )

    assert published == [(b"{}", "q.retry")]
    assert looks == []
