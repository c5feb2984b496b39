"""Whatever a client sends, only its own connection ends: nothing of the others' is touched."""

import asyncio
import logging
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.service_bus import Namespace
from sandbox.service_bus.authority import Authority
from sandbox.service_bus.codec import Array, Described, UInt, ULong, Value
from sandbox.service_bus.connection import Connection
from sandbox.service_bus.encoder import encode
from sandbox.service_bus.frames import (
    EMPTY,
    HEADER,
    SASL_HEADER,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Performative,
    SaslInit,
    Transfer,
    frame,
)
from sandbox.service_bus.message import Message
from tests.unit.sandbox.service_bus.test_codec import VALUES

ADDRESSES = (
    "orders",
    "orders/$management",
    "$cbs",
    "events",
    "events/Subscriptions/all",
    "nowhere",
)
BODY = encode(Described(ULong(0x75), b"kept"))


class Hub:
    """A namespace with a queue, and a topic that forwards nothing."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        self.namespace.create_queue("orders")
        self.namespace.create_topic("events")
        self.namespace.create_subscription("events", "all")
        self.authority = Authority({})
        self.connections: set[Connection] = set()


class Socket(asyncio.Transport):
    """Takes what the bus says, and remembers whether it hung up."""

    def __init__(self) -> None:
        super().__init__()
        self.said = bytearray()
        self.hung_up = False

    def write(self, data: Any) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.hung_up

    def close(self) -> None:
        self.hung_up = True

    abort = close


@st.composite
def addresses(draw: st.DrawFn) -> Value:
    code = draw(st.sampled_from((0x28, 0x29)))
    return Described(ULong(code), [draw(st.sampled_from(ADDRESSES))])


def made(
    kind: type[Performative], *fields: st.SearchStrategy[Any], **others: st.SearchStrategy[Any]
) -> st.SearchStrategy[Performative]:
    """Return performatives of a kind; a field's type says nothing of what a client puts there."""
    return st.tuples(st.tuples(*fields), st.fixed_dictionaries(others)).map(
        lambda drawn: kind(*drawn[0], **drawn[1])
    )


SMALL = st.integers(0, 8).map(UInt)
ANYTHING = st.one_of(SMALL, VALUES)


# A message that is one, one that is none, and none at all.
def one_kind(values: list[Any]) -> Array:
    """Return an array of those values that are of the first one's type, as an array must be."""
    return Array(value for value in values if type(value) is type(values[0]))


OPERATIONS = st.sampled_from(
    (
        "put-token",
        "com.microsoft:renew-lock",
        "com.microsoft:schedule-message",
        "com.microsoft:cancel-scheduled-message",
        "com.microsoft:peek-message",
        "com.microsoft:receive-by-sequence-number",
        "com.microsoft:update-disposition",
        "com.microsoft:nonsense",
    )
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(
        (
            "lock-tokens",
            "messages",
            "sequence-numbers",
            "from-sequence-number",
            "message-count",
            "receiver-settle-mode",
            "disposition-status",
            "deadletter-reason",
        )
    ),
    st.one_of(VALUES, st.lists(st.uuids() | st.integers(0, 9)).map(one_kind)),
    max_size=4,
)


def request(operation: Value, arguments: Value) -> bytes:
    """Return a message that asks a node for something."""
    named = {"operation": operation, "name": "sb://localhost/orders", "type": "jwt"}
    parts = ((0x73, ["1", None, None, None, "back"]), (0x74, named), (0x77, arguments))
    return b"".join(encode(Described(ULong(code), value)) for code, value in parts)


REQUESTS = st.tuples(
    st.one_of(OPERATIONS, OPERATIONS, VALUES), st.one_of(ARGUMENTS, ARGUMENTS, VALUES)
).map(lambda drawn: request(*drawn))
PAYLOADS = st.one_of(
    st.just(BODY), REQUESTS, REQUESTS, VALUES.map(encode), st.binary(max_size=60), st.just(b"")
)
OUTCOMES = st.builds(Described, st.integers(0x23, 0x28).map(ULong), st.lists(VALUES, max_size=4))
PERFORMATIVES = st.one_of(
    made(Open, st.just("x"), max_frame_size=ANYTHING),
    made(Begin, next_outgoing_id=ANYTHING),
    made(
        Attach,
        st.text(max_size=3),
        SMALL,
        st.booleans(),
        source=st.one_of(addresses(), VALUES),
        target=st.one_of(addresses(), VALUES),
    ),
    made(Flow, *(ANYTHING for _ in range(7)), drain=st.booleans()),
    made(Transfer, ANYTHING, ANYTHING, st.binary(max_size=4), ANYTHING, more=st.booleans()),
    made(Disposition, st.booleans(), ANYTHING, ANYTHING, st.booleans(), OUTCOMES | VALUES),
    made(Detach, ANYTHING),
    made(End),
    made(SaslInit, VALUES),
    made(Close),
)
FRAMES = st.tuples(st.sampled_from((1, 1, 1, 0, 2)), PERFORMATIVES, PAYLOADS).map(
    lambda drawn: frame(*drawn)
)
TRANSFERS = st.tuples(st.sampled_from((0, 2, 4)).map(UInt), SMALL, PAYLOADS).map(
    lambda drawn: frame(1, Transfer(drawn[0], drawn[1], b"n", UInt(0)), drawn[2])
)
NOISE = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 2**32 - 1).map(lambda size: struct.pack(">IBBH", size, 2, 0, 0)),
)
OPENING = (HEADER, frame(0, Open("x")), frame(1, Begin()))


def attached(handle: int, path: str, *, receives: bool) -> bytes:
    """Return the frame that attaches a link."""
    terminus = Described(ULong(0x28 if receives else 0x29), [path])
    where = {"source" if receives else "target": terminus}
    return frame(1, Attach(f"link {handle}", UInt(handle), receives, **where))


# A sender and a receiver on each kind of node, and credit to receive, so that much can go wrong.
LINKS = tuple(
    attached(2 * n + receives, path, receives=bool(receives))
    for n, path in enumerate(("orders", "orders/$management", "$cbs"))
    for receives in (0, 1)
)
CREDIT = tuple(
    frame(1, Flow(UInt(0), UInt(99), UInt(0), UInt(99), UInt(handle), UInt(0), UInt(9)))
    for handle in (1, 3, 5)
)
SENT = frame(1, Transfer(UInt(0), UInt(0), b"0", UInt(0)), BODY)


async def said_to(hub: Hub, parts: list[bytes]) -> Socket:
    """Let a client that may do anything say `parts`."""
    connection, socket = Connection(hub), Socket()
    connection.granted.add("")
    connection.connection_made(socket)
    for part in parts:
        if not socket.hung_up:
            connection.data_received(part)
        await asyncio.sleep(0)
    connection.connection_lost(None)
    return socket


async def still_serves(hub: Hub) -> None:
    """See that a queue that nobody touched gives back what is put into it."""
    queue = hub.namespace.create_queue("untouched")
    queue.send([Message(BODY)])
    attach = Attach("a", UInt(0), True, source=Described(ULong(0x28), ["untouched"]))
    flow = Flow(UInt(0), UInt(9), UInt(0), UInt(9), UInt(0), UInt(0), UInt(1))
    socket = await said_to(hub, [*OPENING, frame(1, attach), frame(1, flow)])
    assert BODY in socket.said


# No socket is opened here. So much is made that the collector finds those which the client of an
# earlier test forgot, and they are told of as this test's.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
# It says so of large examples, which are meant.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(st.lists(st.one_of(TRANSFERS, FRAMES, FRAMES, NOISE), max_size=12))
def test_a_client_that_says_anything_at_all_harms_itself_only(
    caplog: pytest.LogCaptureFixture, parts: list[bytes]
) -> None:
    caplog.clear()

    async def talk() -> None:
        hub = Hub()
        await said_to(hub, [*OPENING, *LINKS, *CREDIT, SENT, *parts])
        assert not hub.connections
        await still_serves(hub)

    with caplog.at_level(logging.ERROR):
        asyncio.run(talk())
    assert not caplog.records, "a fault of the emulator's own is logged as an error"


@pytest.mark.parametrize("greeting", [b"GET / HT", b"AMQP\x00\x00\x09\x01", b"\x00" * 8])
async def test_another_protocol_is_told_so_and_hung_up_on(greeting: bytes) -> None:
    socket = await said_to(Hub(), [greeting])
    assert socket.hung_up


async def test_sasl_lets_everybody_go_on() -> None:
    socket = await said_to(Hub(), [SASL_HEADER, frame(0, SaslInit("ANONYMOUS"))])
    assert socket.said.startswith(SASL_HEADER)
    assert not socket.hung_up


async def test_the_bus_tells_that_it_is_here_only_once_the_connection_is_open() -> None:
    connection, socket = Connection(Hub()), Socket()
    connection.connection_made(socket)
    for part in (SASL_HEADER, frame(0, SaslInit("ANONYMOUS")), HEADER):
        connection.data_received(part)
        connection.beat()
    assert EMPTY not in socket.said
    connection.data_received(frame(0, Open("x")))
    connection.beat()
    assert socket.said.endswith(EMPTY)
