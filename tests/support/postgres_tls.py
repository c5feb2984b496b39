"""TLS in front of a PostgreSQL that was built without: what a client sees is a server with TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

REQUEST_BYTES = 8  # PostgreSQL's SSLRequest


@asynccontextmanager
async def front(port: int, tls: ssl.SSLContext | None, host: str) -> AsyncIterator[int]:
    """Serve PostgreSQL's port on `host` behind TLS (None: "no TLS here"); return the front's port.

    The conversation before TLS is PostgreSQL's: eight bytes of request, one byte of answer
    (protocol documentation, "SSL Session Encryption").
    """

    conversations: set[asyncio.Task[None] | None] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(REQUEST_BYTES)
            writer.write(b"N" if tls is None else b"S")
            if tls is not None:
                await writer.start_tls(tls, ssl_handshake_timeout=2)
                await _carry(reader, writer, port)
        writer.close()

    server = await asyncio.start_server(accept, host, 0)
    async with server:
        found: int = server.sockets[0].getsockname()[1]
        yield found
        await asyncio.wait([task for task in conversations if task], timeout=5)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    inner, outer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_copy(reader, outer), _copy(inner, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()
