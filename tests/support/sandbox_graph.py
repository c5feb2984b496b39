"""The way to the sandbox for Microsoft's SDK for Graph, which speaks through httpx."""

from typing import Any

import httpcore


class Loopback(httpcore.AsyncNetworkBackend):
    """Connects to this machine whatever host is named."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, *args: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        assert host.endswith(".sandbox.localhost")
        return await self._network.connect_tcp("127.0.0.1", port, *args, **options)

    async def connect_unix_socket(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
