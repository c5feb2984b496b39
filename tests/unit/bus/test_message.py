"""What a message's headers say, and what is done with those that say nonsense."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.message import Message, UnreadableError, read_headers, write_headers
from tests.support.bus import a_message, a_scan_request, valid_headers

messages = st.builds(
    Message,
    id=st.uuids(),
    type=st.just("certifyclouds.scan.requested.v1"),
    source=st.sampled_from(["scanner", "gateway"]),
    time=st.datetimes(timezones=st.just(UTC)),
    correlation_id=st.uuids(),
    causation_id=st.none() | st.uuids(),
    attempt=st.integers(0, 20),
    queue=st.just("scanner.certifyclouds.scan.requested.v1"),
)


@given(messages)
def test_headers_are_read_as_they_were_written(message: Message) -> None:
    headers = write_headers(message)
    assert read_headers(headers, queue=message.queue, attempt=message.attempt) == message


def test_headers_are_cloudevents_attributes() -> None:
    message = a_message()
    assert write_headers(message).items() >= {
        ("ce-specversion", "1.0"),
        ("ce-id", str(message.id)),
        ("ce-type", "certifyclouds.scan.requested.v1"),
        ("ce-source", "gateway"),
    }


@pytest.mark.parametrize("name", ["ce-id", "ce-type", "ce-source", "ce-time", "ce-correlationid"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = valid_headers(a_scan_request())
    del headers[name]
    with pytest.raises(UnreadableError, match=name) as caught:
        read_headers(headers, queue="q", attempt=0)
    assert caught.value.reason == "corrupt_headers"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce-id", "7"),
        ("ce-time", "yesterday"),
        ("ce-time", datetime(2026, 1, 1).isoformat()),  # noqa: DTZ001 - a time without zone
        ("ce-correlationid", ""),
        ("ce-causationid", "none"),
    ],
)
def test_a_malformed_header_is_refused(name: str, value: str) -> None:
    headers = valid_headers(a_scan_request(), **{name: value})
    with pytest.raises(UnreadableError, match="malformed"):
        read_headers(headers, queue="q", attempt=0)


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        a_message().id = uuid4()  # type: ignore[misc]
