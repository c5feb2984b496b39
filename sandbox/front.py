"""The door of every listener: finds the service by host, applies faults, keeps the access log."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox import faults
from sandbox.access_log import AccessLog, Entry
from sandbox.faults import Faults
from sandbox.tokens import TokenRefusedError
from sandbox.upheaval import happen
from sandbox.wire import RefusedError, answer
from sandbox.world import World

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Front:
    """An ASGI application. `route` finds what answers a request; None means nobody does.

    `unseen` tells which requests are neither logged nor met by faults: the control endpoint's.
    """

    world: World
    log: AccessLog
    faults: Faults
    route: Callable[[Request], Handler | None]
    unseen: Callable[[str], bool] = field(default=lambda _: False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if self.unseen(scope["path"]):
            response = await self._response(request)
            await response(scope, receive, send)
            return
        await self._seen(request, scope, receive, send)

    async def _seen(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        object_id = self._object_id(headers)
        taken = self.faults.take(
            host=headers.get("host", ""),
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            method=scope["method"],
            identity=self._name(object_id) or object_id or "",
        )
        status = None

        async def answer_to(_: Scope, receive: Receive, send: Send) -> None:
            await self._send(request, receive, send)

        try:
            if taken is not None:
                if taken[1].first is not None:
                    happen(self.world, taken[1].first)
                    self.world.pages.clear()
                status = await faults.apply(taken[1], answer_to, scope, receive, send)
            if status is None:
                status = await self._send(request, receive, send)
        finally:
            # Recorded also when the sandbox stops while a fault holds the request.
            self._record(scope, headers, object_id, status or 0, taken[0] if taken else None)

    async def _send(self, request: Request, receive: Receive, send: Send) -> int:
        response = await self._response(request)
        await response(request.scope, receive, send)
        return response.status_code

    async def _response(self, request: Request) -> Response:
        handler = self.route(request)
        if handler is None:
            host = request.headers.get("host", "")
            return answer({"error": f"The sandbox does not answer for {host} here."}, 421)
        try:
            return await handler(request)
        except RefusedError as refused:
            return answer(refused.document, refused.status, headers=refused.headers)

    def _object_id(self, headers: Mapping[str, str]) -> str | None:
        try:
            return self.world.tokens.read(headers.get("authorization", "")).object_id
        except TokenRefusedError:
            return None

    def _name(self, object_id: str | None) -> str | None:
        principal = self.world.estate.principal(object_id) if object_id else None
        return principal.name if principal else None

    def _record(
        self,
        scope: Scope,
        headers: Mapping[str, str],
        object_id: str | None,
        status: int,
        fault: int | None,
    ) -> None:
        # A token request shows whom it is for only once it was answered.
        object_id = object_id or scope.get("state", {}).get("issued_to")
        entry = Entry(
            at=self.world.clock.time(),
            method=scope["method"],
            host=headers.get("host", ""),
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            object_id=object_id,
            identity=self._name(object_id),
            status=status,
            user_agent=headers.get("user-agent", ""),
            fault=fault,
        )
        self.log.add(entry)


def _headers(scope: Scope) -> dict[str, str]:
    """Return the request's headers at once: Starlette's mapping looks through all for each."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
