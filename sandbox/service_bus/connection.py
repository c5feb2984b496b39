"""One client's connection (OASIS AMQP 1.0 part 2 section 2.4; SASL: part 5 section 5.3).

Whatever a client sends, only its own connection ends: with an error that says why.
"""

import asyncio
import logging
from typing import Final, Protocol

from sandbox.service_bus.attaching import attach
from sandbox.service_bus.authority import Authority
from sandbox.service_bus.codec import Array, Symbol, UByte, UInt, UShort
from sandbox.service_bus.errors import DECODE_ERROR, FORCED, FRAMING_ERROR, INTERNAL, BusError
from sandbox.service_bus.frames import (
    EMPTY,
    HEADER,
    MAX_FRAME,
    SASL_HEADER,
    Attach,
    Begin,
    Close,
    End,
    Frame,
    FrameReader,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    error,
    frame,
)
from sandbox.service_bus.links import Link
from sandbox.service_bus.namespace import Namespace
from sandbox.service_bus.session import Session

_LOG = logging.getLogger(__name__)
_CHANNELS: Final = UShort(4_999)
_IDLE_MILLISECONDS: Final = UInt(240_000)
_SMALLEST_FRAME: Final = 512
# The claims come on `$cbs`, so that SASL lets everybody through (Service Bus AMQP protocol guide).
_MECHANISMS: Final = ("ANONYMOUS", "MSSBCBS", "EXTERNAL")


class Hub(Protocol):
    """What the connections of a namespace share."""

    namespace: Namespace
    authority: Authority
    connections: "set[Connection]"


class Connection(asyncio.Protocol):
    """`granted` are the paths that the client's tokens opened."""

    def __init__(self, hub: Hub) -> None:
        self.namespace = hub.namespace
        self.authority = hub.authority
        self.granted: set[str] = set()
        self.max_frame = MAX_FRAME
        self._hub = hub
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._out: list[bytes] = []
        self._opened = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._hub.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._hub.connections.discard(self)
        self._transport = None
        for session in self._sessions.values():
            session.close()

    def data_received(self, data: bytes) -> None:
        try:
            for found in self._reader.feed(data):
                if self._transport is None or self._transport.is_closing():
                    return
                self._handle(found)
        except BusError as problem:
            self.close(problem.condition, problem.description)
        except (
            TypeError,
            ValueError,
            AttributeError,
            KeyError,
            IndexError,
            LookupError,
        ) as problem:
            _LOG.info("A client sent what cannot be: %r", problem)
            self.close(DECODE_ERROR, "A field is not of the type that it must be.")
        except Exception:  # noqa: BLE001 - whatever it is, it must not harm the other clients
            _LOG.exception("The connection is closed: this is a fault of the emulator")
            self.close(INTERNAL, "The emulator failed; its log says where.")

    # Out

    def send(self, channel: int, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame; all frames of one turn of the loop leave in one write."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame(channel, performative, payload))

    def _flush(self) -> None:
        self.namespace.keeping.commit()
        out, self._out = b"".join(self._out), []
        if self._transport is not None:
            self._transport.write(out)

    def beat(self) -> None:
        """Tell the client that we are here (2.4.5), once it is past SASL: before, it takes none."""
        if self._opened:
            self._out.append(EMPTY)
            self._flush()

    def close(self, condition: str = FORCED, description: str = "The bus stops.") -> None:
        """Close the connection and tell the client why."""
        self.send(0, Close(error(condition, description)))
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Tear the connection down without a word."""
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()

    # In

    def attach(self, session: Session, asked: Attach) -> Link:
        return attach(session, asked)

    def _handle(self, found: bytes | Frame) -> None:
        if isinstance(found, bytes):
            self._greet(found)
        elif found.performative is not None:
            self._perform(found.channel, found.performative, found.payload)

    def _greet(self, header: bytes) -> None:
        """Answer a protocol header with the same (2.2); SASL goes on with its mechanisms."""
        if header not in (HEADER, SASL_HEADER):
            raise BusError(FRAMING_ERROR, "This is AMQP 1.0, plain or with SASL.")
        self._out.append(header)
        if header == SASL_HEADER:
            self.send(0, SaslMechanisms(Array(map(Symbol, _MECHANISMS))))
        self._flush()

    def _perform(self, channel: int, performative: Performative, payload: bytes) -> None:
        match performative:
            case SaslInit():
                self.send(0, SaslOutcome(UByte(0)))
            case Open():
                self._open(performative)
            case Begin():
                self._sessions[channel] = Session(self, channel, performative)
            case End():
                self._end(channel)
            case Close():
                self.send(0, Close())
                self._flush()
                if self._transport is not None:
                    self._transport.close()
            case _ if session := self._sessions.get(channel):
                session.handle(performative, payload)
            case _:
                # The client may detach a link after it has ended its session.
                pass

    def _open(self, asked: Open) -> None:
        self.max_frame = max(_SMALLEST_FRAME, min(MAX_FRAME, asked.max_frame_size or MAX_FRAME))
        self.send(0, Open("sandbox", None, UInt(MAX_FRAME), _CHANNELS, _IDLE_MILLISECONDS))
        self._opened = True

    def _end(self, channel: int) -> None:
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.close()
        self.send(channel, End())
