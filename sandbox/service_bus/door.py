"""One port for both: AMQP to the bus, and TLS to the administration.

The client takes the port of its connection string for both. A TLS record of a handshake begins with
22 (RFC 8446, section 5.1), an AMQP header with an A.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_HANDSHAKE: Final = 22
_AT_ONCE: Final = 65_536


class Door(asyncio.Protocol):
    """Waits for the first byte of a connection, and hands it to whom it is for.

    `amqp` makes the bus's protocol. `administration` is the port of the TLS server; None: there is
    none, and TLS is hung up on.
    """

    def __init__(self, amqp: Callable[[], asyncio.Protocol], administration: int | None) -> None:
        self._amqp = amqp
        self._administration = administration
        self._transport: asyncio.Transport | None = None
        self._held = bytearray()
        self._inside: asyncio.StreamWriter | None = None
        self._passing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        if self._inside is not None:
            self._inside.close()

    def data_received(self, data: bytes) -> None:
        if self._inside is not None:
            self._inside.write(data)
        elif self._passing is not None:
            self._held += data
        elif data[0] != _HANDSHAKE:
            self._hand_over(data)
        elif self._administration is None:
            self._hang_up()
        else:
            self._held += data
            self._passing = asyncio.create_task(self._pass_on(self._administration))

    def _hand_over(self, data: bytes) -> None:
        if self._transport is not None:
            bus = self._amqp()
            self._transport.set_protocol(bus)
            bus.connection_made(self._transport)
            bus.data_received(data)

    async def _pass_on(self, port: int) -> None:
        """Carry bytes to the TLS server and back until either side ends."""
        with suppress(OSError):
            answers, self._inside = await asyncio.open_connection("127.0.0.1", port)
            self._inside.write(bytes(self._held))
            while (data := await answers.read(_AT_ONCE)) and self._transport is not None:
                self._transport.write(data)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
