"""Addresses, errors, pauses and liveness."""

import asyncio

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import exceptions as azure

from shared.bus.broker.servicebus.address import Address, consumed
from shared.bus.broker.servicebus.client import Connection, Endpoint
from shared.bus.broker.servicebus.envelope import Envelope
from shared.bus.broker.servicebus.errors import explained
from shared.bus.broker.servicebus.subscriber.liveness import Liveness, Pauses
from shared.errors import PermanentError, TransientError
from tests.support.service_bus import until


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (consumed("q", "", ""), "q"),
        (consumed("q", "", "", "deadletter"), "q/$deadletterqueue"),
        (consumed("q", "", "", "transferdeadletter"), "q/$Transfer/$deadletterqueue"),
        (consumed("", "t", "s"), "t/Subscriptions/s"),
        (consumed("", "t", "s", "deadletter"), "t/Subscriptions/s/$deadletterqueue"),
        (Address("q").prefixed("eu."), "eu.q"),
    ],
)
def test_a_path_is_written_as_service_bus_writes_it(address: Address, path: str) -> None:
    assert address.path == path
    assert address.takes_copies == ("/" not in path)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (azure.ServiceBusAuthenticationError(), "does not accept the credential"),
        (azure.ServiceBusAuthorizationError(), "may not use orders"),
        (ClientAuthenticationError("no"), "There is no token"),
        (azure.MessagingEntityNotFoundError(), "has no orders. Create"),
        (azure.MessagingEntityDisabledError(), "Set its status to Active"),
        (azure.ServiceBusQuotaExceededError(), "is full"),
        (azure.ServiceBusServerBusyError(), "try again later"),
        (azure.ServiceBusConnectionError(), "port 5671"),
        (azure.OperationTimeoutError(), "port 5671"),
        (OSError(), "port 5671"),
        (KeyError(), "failed with KeyError"),
    ],
)
def test_an_error_that_somebody_can_repair_keeps_the_message(
    error: Exception, sentence: str
) -> None:
    said = explained(error, "amqps://x", "orders")
    assert isinstance(said, TransientError)
    assert sentence in str(said)
    assert explained(said, "amqps://y", "other") is said


def test_a_message_that_is_too_large_will_not_become_smaller() -> None:
    said = explained(azure.MessageSizeExceededError(), "amqps://x", "orders")
    assert isinstance(said, PermanentError)


def test_an_endpoint_shows_no_key() -> None:
    secret = (
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0"
    )
    endpoint = Endpoint(connection_string=secret)
    assert endpoint.url == "amqps://x.servicebus.windows.net"
    assert "c2VjcmV0" not in repr(endpoint)
    local = Endpoint(connection_string="Endpoint=sb://localhost:5;UseDevelopmentEmulator=true")
    assert local.url == "amqp://localhost:5"


class Client:
    """The client, as far as a sender uses it; its first sender never gets an answer."""

    def __init__(self) -> None:
        self.made: list[NativeSender] = []

    def get_queue_sender(self, _: str) -> "NativeSender":
        self.made.append(NativeSender(answers=bool(self.made)))
        return self.made[-1]


class NativeSender:
    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self.closed = False

    async def send_messages(self, _: object, *, timeout: float) -> None:  # noqa: ASYNC109 - the client's signature
        if not self._answers:
            await asyncio.sleep(timeout)
            raise azure.OperationTimeoutError

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("cut_off", [True, False])
async def test_a_sender_that_failed_or_was_cut_off_is_not_used_again(cut_off: bool) -> None:
    client = Client()
    sender = Connection(client, "amqps://x").sender("orders")  # type: ignore[arg-type]
    sending = asyncio.create_task(sender.send(Envelope(body=b"x"), 3600 if cut_off else 0.01))
    await until(lambda: client.made)
    if cut_off:
        sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled() or isinstance(sending.exception(), TransientError)
    await sender.send(Envelope(body=b"y"))
    assert [native.closed for native in client.made] == [True, False]


def test_pauses_grow_to_a_limit_and_begin_anew() -> None:
    pauses = Pauses(1.0, 4.0)
    waits = [pauses.next() for _ in range(5)]
    for wait, middle in zip(waits, [1, 2, 4, 4, 4], strict=True):
        assert middle * 0.8 <= wait <= middle * 1.2
    pauses.reset()
    assert pauses.next() <= 1.2


async def test_a_worker_that_looked_long_ago_is_not_alive_unless_it_is_busy() -> None:
    liveness = Liveness(2)
    assert not liveness.within(3600)
    liveness.polled(0)
    liveness.polled(1)
    assert liveness.within(3600)
    assert not liveness.within(-1)
    with liveness.handling(0), liveness.handling(1):
        assert liveness.within(-1)


async def test_the_first_tries_of_all_workers_are_waited_for_and_the_first_error_is_raised() -> (
    None
):
    liveness = Liveness(3)
    waiting = asyncio.create_task(liveness.tried())
    liveness.polled(0)
    liveness.failed(1, TransientError("the first"))
    await asyncio.sleep(0)
    assert not waiting.done()
    liveness.failed(2, TransientError("the second"))
    with pytest.raises(TransientError, match="the first"):
        await waiting
    # What fails later is told, and does not change how the start went.
    well = Liveness(1)
    well.polled(0)
    well.failed(0, TransientError("later"))
    await well.tried()
