"""Connections to a cloud: one session for all, and one connection at a time for each vault.

The TLS context stands on the connector. Given to each request instead (`connection_verify`), it
would be built anew every time and no connection would ever be used twice. The timeouts stand on the
transport, because the ones given to an Azure client are ignored when it gets a transport.
"""

import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from shared.clouds.addresses import FixedResolver
from shared.clouds.guards import Guard
from shared.clouds.settings import CloudSettings

# What azure-core can unpack; aiohttp would offer more where more is installed.
_HEADERS: Final = {"Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: for a connection, for silence on it, and for a whole call with its retries."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 90.0


class LoopbackResolver(AbstractResolver):
    """Answers `*.sandbox.localhost` with this machine and refuses every other name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        if not host.endswith(".sandbox.localhost"):
            raise OSError(f"{host} is not part of the sandbox, and nothing else is contacted.")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Answer(NamedTuple):
    """What answered a request: its status, its unpacked body, its headers."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    """Stands for a session whose one request has been sent: the answer, or why there is none."""

    answer: aiohttp.ClientResponse | None = None
    error: Exception | None = None
    auto_decompress: bool = False

    async def __aenter__(self) -> Self:
        return self

    async def request(self, *_: object, **__: object) -> aiohttp.ClientResponse:
        if self.answer is None:
            raise self.error or RuntimeError
        return self.answer


async def _wrapped(request: HttpRequest, given: _Given) -> AsyncHttpResponse:
    """Return an answer as azure-core wraps it, or raise its error in place of aiohttp's."""
    session: Any = given
    transport = AioHttpTransport(session=session, session_owner=False)
    response: AsyncHttpResponse = await transport.send(request)
    return response


class GuardedTransport(AioHttpTransport):  # type: ignore[misc] # azure-core loads it by name
    """The last gate before the network: asks its guards, then sends."""

    def __init__(
        self, session: aiohttp.ClientSession, timeouts: Timeouts, guards: tuple[Guard, ...]
    ) -> None:
        super().__init__(
            session=session,
            session_owner=False,
            connection_timeout=timeouts.connect,
            read_timeout=timeouts.read,
        )
        self.guards = guards
        self._silence = aiohttp.ClientTimeout(
            sock_connect=timeouts.connect, sock_read=timeouts.read
        )

    async def attempt(self, request: HttpRequest) -> Answer | AsyncHttpResponse:
        """Send a request once; a 200 comes without azure-core's wrapping, which costs more than it.

        Raises azure-core's errors, as `send` does.
        """
        for guard in self.guards:
            guard.check(request.method, request.url)
        try:
            given = await self.session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.content,
                timeout=self._silence,
                allow_redirects=False,
            )
            if given.status == HTTPStatus.OK and "Content-Encoding" not in given.headers:
                return Answer(given.status, await given.read(), given.headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            return await _wrapped(request, _Given(error=error))
        return await _wrapped(request, _Given(given))

    async def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - azure-core's types
        for guard in self.guards:
            guard.check(request.method, request.url)
        return await super().send(request, **options)


class CloudSession:
    """Makes transports. Made by `open_session`, which also closes it."""

    def __init__(
        self, cloud: CloudSettings, timeouts: Timeouts, resolver: AbstractResolver
    ) -> None:
        self.cloud = cloud
        self.timeouts = timeouts
        self._resolver = resolver
        self._tls = ssl.create_default_context(cafile=cloud.ca_file)
        self._shared = self._client_session(limit=100)

    def transport(self, *guards: Guard) -> GuardedTransport:
        """Return a transport on the shared connections."""
        return GuardedTransport(self._shared, self.timeouts, guards)

    @asynccontextmanager
    async def one_connection(self, *guards: Guard) -> AsyncIterator[GuardedTransport]:
        """Give a transport with a single connection of its own, closed at the end.

        For a vault: its lists are read one after another, and a thousand vaults that were read must
        not leave a thousand idle connections behind. Making one costs 0.03 ms.
        """
        async with self._client_session(limit=1) as session:
            yield GuardedTransport(session, self.timeouts, guards)

    async def close(self) -> None:
        await self._shared.close()

    def _client_session(self, *, limit: int) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self._tls, resolver=self._resolver, limit=limit)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        # aiohttp would send a request whose connection broke once more by itself, past the gate.
        session._retry_connection = False  # noqa: SLF001 - it has no public name for this
        return session


@asynccontextmanager
async def open_session(
    cloud: CloudSettings,
    *,
    timeouts: Timeouts | None = None,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator[CloudSession]:
    """Open the connections to a cloud and close them at the end.

    `resolver` replaces the one that the settings call for; tests use it to answer real names.
    """
    chosen = resolver or (LoopbackResolver() if cloud.loopback else FixedResolver(cloud.addresses))
    session = CloudSession(cloud, timeouts or Timeouts(), chosen)
    try:
        yield session
    finally:
        await session.close()
        await chosen.close()
