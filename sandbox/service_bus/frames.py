"""Frames and performatives (OASIS AMQP 1.0 part 2, "Transport": 2.3 framing, 2.7 performatives).

A performative is a tuple of its fields in the order of the standard, in both directions.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from sandbox.service_bus.codec import Described, Symbol, ULong, Value, decode
from sandbox.service_bus.encoder import encode_list
from sandbox.service_bus.errors import DECODE_ERROR, FRAMING_ERROR, BusError

AMQP: Final = 0
SASL: Final = 1
HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
EMPTY: Final = struct.pack(">IBBH", 8, 2, AMQP, 0)
MAX_FRAME: Final = 65_536
_HEADER_SIZE: Final = 8


class Open(NamedTuple):
    """2.7.1: the connection's parameters."""

    container_id: Value
    hostname: Value = None
    max_frame_size: Value = None
    channel_max: Value = None
    idle_time_out: Value = None
    outgoing_locales: Value = None
    incoming_locales: Value = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


class Begin(NamedTuple):
    """2.7.2: a session on a channel."""

    remote_channel: Value = None
    next_outgoing_id: Value = None
    incoming_window: Value = None
    outgoing_window: Value = None
    handle_max: Value = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


class Attach(NamedTuple):
    """2.7.3: a link on a session; `role` is true for whoever receives."""

    name: Value
    handle: Value
    role: Value
    snd_settle_mode: Value = None
    rcv_settle_mode: Value = None
    source: Value = None
    target: Value = None
    unsettled: Value = None
    incomplete_unsettled: Value = None
    initial_delivery_count: Value = None
    max_message_size: Value = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


class Flow(NamedTuple):
    """2.7.4: windows of a session and credit of a link."""

    next_incoming_id: Value = None
    incoming_window: Value = None
    next_outgoing_id: Value = None
    outgoing_window: Value = None
    handle: Value = None
    delivery_count: Value = None
    link_credit: Value = None
    available: Value = None
    drain: Value = None
    echo: Value = None
    properties: Value = None


class Transfer(NamedTuple):
    """2.7.5: a message, or a part of it; its bytes follow."""

    handle: Value
    delivery_id: Value = None
    delivery_tag: Value = None
    message_format: Value = None
    settled: Value = None
    more: Value = None
    rcv_settle_mode: Value = None
    state: Value = None
    resume: Value = None
    aborted: Value = None
    batchable: Value = None


class Disposition(NamedTuple):
    """2.7.6: what became of deliveries."""

    role: Value
    first: Value
    last: Value = None
    settled: Value = None
    state: Value = None
    batchable: Value = None


class Detach(NamedTuple):
    """2.7.7: the end of a link."""

    handle: Value
    closed: Value = None
    error: Value = None


class End(NamedTuple):
    """2.7.8: the end of a session."""

    error: Value = None


class Close(NamedTuple):
    """2.7.9: the end of the connection."""

    error: Value = None


class SaslMechanisms(NamedTuple):
    """Part 5, 5.3.3.1: what the server would take."""

    sasl_server_mechanisms: Value


class SaslInit(NamedTuple):
    """Part 5, 5.3.3.2: what the client takes of it."""

    mechanism: Value
    initial_response: Value = None
    hostname: Value = None


class SaslOutcome(NamedTuple):
    """Part 5, 5.3.3.6: whether it may go on."""

    code: Value
    additional_data: Value = None


Performative = (
    Open
    | Begin
    | Attach
    | Flow
    | Transfer
    | Disposition
    | Detach
    | End
    | Close
    | SaslMechanisms
    | SaslInit
    | SaslOutcome
)
_KINDS: Final[dict[int, type[Performative]]] = {
    0x10: Open,
    0x11: Begin,
    0x12: Attach,
    0x13: Flow,
    0x14: Transfer,
    0x15: Disposition,
    0x16: Detach,
    0x17: End,
    0x18: Close,
    0x40: SaslMechanisms,
    0x41: SaslInit,
    0x44: SaslOutcome,
}
_CODES: Final = {kind: b"\x00\x53" + bytes((code,)) for code, kind in _KINDS.items()}


class Frame(NamedTuple):
    """One frame off the wire; `performative` is None for a heartbeat."""

    kind: int
    channel: int
    performative: Performative | None
    payload: bytes


def frame(channel: int, performative: Performative, payload: bytes = b"") -> bytes:
    """Return a frame's bytes."""
    body = performative_bytes(performative) + payload
    sasl = isinstance(performative, SaslMechanisms | SaslOutcome | SaslInit)
    kind = SASL if sasl else AMQP
    return struct.pack(">IBBH", len(body) + _HEADER_SIZE, 2, kind, channel) + body


def performative_bytes(performative: Performative) -> bytes:
    fields = list(performative)
    while fields and fields[-1] is None:
        fields.pop()
    return _CODES[type(performative)] + encode_list(fields)


def read_performative(view: memoryview) -> tuple[Performative, int]:
    """Return a frame body's performative and where its payload begins.

    Raises `BusError` (amqp:decode-error) for what is none.
    """
    value, end = decode(view)
    kind = _KINDS.get(value.code) if isinstance(value, Described) else None
    if kind is None or not isinstance(value.value, list):
        raise BusError(DECODE_ERROR, "A frame holds no performative.")
    try:
        return kind(*value.value), end
    except TypeError:
        raise BusError(DECODE_ERROR, f"A {kind.__name__} frame lacks fields or has more.") from None


class FrameReader:
    """Cuts the bytes of a connection into headers and frames, however they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Frame]:
        """Yield a protocol header as its eight bytes, and everything else as a frame.

        Raises `BusError` for what is neither, when all before it has been yielded.
        """
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= _HEADER_SIZE:
                if buffer.startswith(b"AMQP", at):
                    found: bytes | Frame = bytes(buffer[at : at + _HEADER_SIZE])
                    at += _HEADER_SIZE
                else:
                    size = _frame_size(buffer, at)
                    if len(buffer) - at < size:
                        return
                    raw = bytes(buffer[at : at + size])
                    at += size
                    found = _read_frame(raw)
                yield found
        finally:
            del buffer[:at]


def _frame_size(buffer: bytearray, at: int) -> int:
    size, offset = struct.unpack_from(">IB", buffer, at)
    if not _HEADER_SIZE <= size <= MAX_FRAME or not _HEADER_SIZE <= offset * 4 <= size:
        raise BusError(FRAMING_ERROR, "The bytes are no AMQP frame.")
    return int(size)


def _read_frame(raw: bytes) -> Frame:
    offset, kind, channel = struct.unpack_from(">BBH", raw, 4)
    body = memoryview(raw)[offset * 4 :]
    if not body:
        return Frame(kind, channel, None, b"")
    performative, end = read_performative(body)
    return Frame(kind, channel, performative, bytes(body[end:]))


def error(condition: str, description: str) -> Described:
    """2.8.14: why a link, a session or a connection ends, or a message was not taken.

    `info` is always there: the client reads it without looking whether it is.
    """
    return Described(_ERROR, [Symbol(condition), description, {}])


_ERROR: Final = ULong(0x1D)
