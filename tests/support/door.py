"""Lets a fuzzer in a thread of its own knock at a gateway that lives in the test's event loop."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ADDRESS = ("198.51.100.7", 40000)
T = TypeVar("T")


class Door:
    """An ASGI application that hands each request over to the gateway's event loop.

    `answered` counts what came back: the method, the route's path and the status. `after` runs in
    the gateway's loop once a request was answered.
    """

    def __init__(self, app: ASGIApp, after: Callable[[str, str, int], Awaitable[None]]) -> None:
        self.answered: Counter[tuple[str, str, int]] = Counter()
        self._app = app
        self._after = after
        self._loop = asyncio.get_running_loop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("nothing but requests comes through this door")
        scope["client"] = ADDRESS
        answer = self._answer(scope, await receive())
        for message in await self._over_there(answer):
            await send(message)

    async def _over_there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _answer(self, scope: Scope, body: Message) -> list[Message]:
        sent: list[Message] = []
        unread, ended = [body], asyncio.Event()

        async def receive() -> Message:
            if unread:
                return unread.pop()
            await ended.wait()
            return {"type": "http.disconnect"}

        async def keep(message: Message) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended.set()

        await self._app(scope, receive, keep)
        method, status = scope["method"], int(sent[0]["status"])
        self.answered[method, getattr(scope.get("route"), "path", "nowhere"), status] += 1
        await self._after(method, scope["path"], status)
        return sent
