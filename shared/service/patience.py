"""HTTP/1.1 with an end to patience: a request that is begun comes to its end, or we hang up.

uvicorn waits for ever for the rest of a head or of a body. Whoever sends a byte now and then could
keep connections open until there are none left (CWE-400, "Slowloris").
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS: Final = 30.0
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Impatient(HttpToolsProtocol):
    """Hangs up when a request, head and body, takes longer than `REQUEST_SECONDS` to arrive.

    The time runs from the connection's begin, or from the first byte of a later request, and is not
    extended by what trickles in. How long an answer takes is another matter.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self._is_idle():
            self._wait()
        super().data_received(data)

    def on_message_complete(self) -> None:
        self._stop()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._hang_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._is_idle():
            self.transport.write(_TOO_SLOW)
        self.transport.close()
