"""What a message holds, on its way out and in, and in the copy for its next try."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusMessage as NativeMessage
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.broker.servicebus.envelope import Envelope, read, text, written

AT = datetime(2026, 11, 25, tzinfo=UTC)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
values = st.one_of(
    words, st.booleans(), st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False)
)
envelopes = st.builds(
    Envelope,
    body=st.binary(max_size=200),
    headers=st.dictionaries(words, values, max_size=5),
    message_id=words,
    correlation_id=st.none() | words,
    content_type=st.none() | st.just("application/json"),
    subject=st.none() | words,
    reply_to=st.none() | words,
)


def carried(message: NativeMessage) -> ServiceBusReceivedMessage:
    """Encode a message as the client does for the wire, and read it back as a received one."""
    wire = bytearray()
    encode_payload(wire, PyamqpTransport.to_outgoing_amqp_message(message.raw_amqp_message))
    return ServiceBusReceivedMessage(decode_payload(memoryview(wire)), receiver=None)


@given(envelopes)
def test_a_message_says_after_the_wire_what_it_said_before(envelope: Envelope) -> None:
    assert read(carried(written(envelope))) == envelope


@given(envelopes, st.integers(1, 6))
def test_every_try_has_an_id_of_its_own_and_keeps_what_the_sender_said(
    envelope: Envelope, tries: int
) -> None:
    ids, one = {envelope.message_id}, envelope
    for number in range(1, tries + 1):
        one = one.again(AT, "made-here")
        assert one.attempt == number
        assert one.original_id == envelope.message_id
        assert one.message_id == f"{one.original_id}:{number}"
        ids.add(one.message_id)
    assert len(ids) == tries + 1
    own = {name: v for name, v in one.headers.items() if name not in {"x-attempt", "x-message-id"}}
    assert own == {n: v for n, v in envelope.headers.items() if n in own}
    assert (one.body, one.correlation_id) == (envelope.body, envelope.correlation_id)


def test_two_messages_whose_ids_look_like_tries_never_meet() -> None:
    first = Envelope(body=b"", message_id="order")
    second = Envelope(body=b"", message_id="order:1")
    assert first.again(AT, "x").message_id == "order:1"
    assert second.again(AT, "x").message_id == "order:1:1"


def test_a_copy_of_a_dead_letter_does_not_carry_its_reason_on() -> None:
    dead = Envelope(body=b"", headers={"DeadLetterReason": "r", "a": 1}, message_id="m")
    assert dead.again(AT, "x").headers == {"a": 1, "x-attempt": 1, "x-message-id": "m"}


@pytest.mark.parametrize(
    ("header", "attempt"), [(3, 3), ("4", 4), ("-1", 0), ("many", 0), ("²", 0), (True, 0)]
)
def test_an_attempt_that_is_no_number_counts_as_the_first(header: Any, attempt: int) -> None:
    assert Envelope(body=b"", headers={"x-attempt": header}).attempt == attempt


def test_a_property_that_amqp_does_not_know_travels_as_its_text() -> None:
    odd = {
        "long": 2**31,
        "least": -(2**31),
        "delta": timedelta(seconds=5),
        "nothing": None,
        "id": UUID(int=1),
        "list": [1],
    }
    headers = read(carried(written(Envelope(body=b"", headers=odd)))).headers
    assert headers == {
        "long": "2147483648",
        "least": -(2**31),
        "delta": "0:00:05",
        "nothing": "None",
        "id": UUID(int=1),
        "list": "[1]",
    }


def test_times_travel_with_a_message() -> None:
    envelope = Envelope(body=b"", time_to_live=timedelta(minutes=5), deliver_at=AT)
    message = written(envelope)
    assert message.time_to_live == timedelta(minutes=5)
    assert message.scheduled_enqueue_time_utc == AT
    assert read(carried(message)).time_to_live == timedelta(minutes=5)


class Foreign:
    """A received message whose sender chose another kind of body."""

    properties = application_properties = time_to_live = None

    def __init__(self, body: Any) -> None:
        self.body = body
        self.raw_amqp_message = self


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"x", b"x"), ("x", b"x"), ([b"x", b"y"], b"xy"), (7, b"7"), ([1], b"[1]")],
)
def test_a_body_of_another_kind_is_read_as_what_it_is(body: Any, expected: bytes) -> None:
    assert read(Foreign(body)).body == expected  # type: ignore[arg-type]


def test_what_is_not_utf_8_stays_as_it_is() -> None:
    assert text(b"\xff") == b"\xff"
    assert text(b"a") == "a"
    assert text(3) == 3
