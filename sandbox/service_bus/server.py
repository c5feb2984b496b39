"""The emulator: a namespace behind a socket on the loopback interface."""

import asyncio
from types import TracebackType
from typing import Final, Self

from sandbox.service_bus.authority import Authority
from sandbox.service_bus.connection import Connection
from sandbox.service_bus.door import Door
from sandbox.service_bus.namespace import Namespace

LOOPBACK: Final = "127.0.0.1"
KEY_NAME: Final = "RootManageSharedAccessKey"
KEY: Final = "c2FuZGJveC1zZXJ2aWNlLWJ1cy1rZXk="
_BEAT_SECONDS: Final = 10


class Emulator:
    """Serves a namespace while it is entered: `async with Emulator(namespace) as emulator`.

    `administration` is the port of its administration's TLS server, which is reached through its
    own port too.
    """

    def __init__(
        self,
        namespace: Namespace,
        authority: Authority | None = None,
        port: int = 0,
        administration: int | None = None,
    ) -> None:
        self.namespace = namespace
        self.authority = authority or Authority({KEY_NAME: KEY})
        self.connections: set[Connection] = set()
        self.port = port
        self._administration = administration
        self._server: asyncio.Server | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._heart: asyncio.Task[None] | None = None

    @property
    def connection_string(self) -> str:
        """What the client needs: plain AMQP, for which alone it honours the port."""
        return (
            f"Endpoint=sb://localhost:{self.port};SharedAccessKeyName={KEY_NAME};"
            f"SharedAccessKey={KEY};UseDevelopmentEmulator=true;"
        )

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._door, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.namespace.agenda.on_sooner = self.wake
        self.wake()
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._heart is not None:
            self._heart.cancel()
        if self._alarm is not None:
            self._alarm.cancel()
        if self._server is not None:
            self._server.close()
        self.drop_connections()
        # Transports that were aborted are gone in the next turn of the loop.
        await asyncio.sleep(0)

    def _door(self) -> Door:
        return Door(lambda: Connection(self), self._administration)

    def drop_connections(self) -> None:
        """Tear every connection down without a word; clients are free to come back."""
        for connection in list(self.connections):
            connection.abort()

    def wake(self) -> None:
        """Do what is due and sleep until the next thing is; call it when the clock was moved."""
        if self._alarm is not None:
            self._alarm.cancel()
        agenda = self.namespace.agenda
        agenda.run()
        self.namespace.keeping.commit()
        if agenda.next_due is not None:
            delay = max(0.0, agenda.next_due - agenda.clock.time())
            self._alarm = asyncio.get_running_loop().call_later(delay, self.wake)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            for connection in list(self.connections):
                connection.beat()
