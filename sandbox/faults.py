"""Faults that a test switches on: which requests they meet, and what then goes wrong."""

import asyncio
import re
import socket
import struct
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.spoiling import Spoil, spoil, trickle
from sandbox.upheaval import Upheaval

_HANG_SECONDS: Final = 3_600
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_CODES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "RequestTimeout",
    409: "Conflict",
    429: "Throttled",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


Asked = Literal["host", "path", "query", "method", "identity"]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Rule(BaseModel):
    """One fault. The five patterns are regular expressions that must be found in the request.

    `first` changes the tenant before the request is answered. `latency_seconds` only delays,
    `trickle_seconds` passes after every few bytes, `spoil` changes the true answer. `hang` never
    answers. `reset` tears the connection down, `status` answers with that status; with `after` the
    request takes effect first and its answer is lost.
    `count` is how many requests it meets; without it, all.
    """

    model_config = ConfigDict(extra="forbid")

    host: Pattern = ""
    path: Pattern = ""
    query: Pattern = ""
    method: Pattern = ""
    identity: Pattern = ""
    count: Annotated[int, Field(ge=1)] | None = None
    first: Upheaval | None = None
    spoil: Spoil | None = None
    trickle_seconds: Annotated[float, Field(ge=0, le=_HANG_SECONDS)] = 0.0
    latency_seconds: Annotated[float, Field(ge=0, le=_HANG_SECONDS)] = 0.0
    hang: bool = False
    reset: bool = False
    after: bool = False
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    code: str | None = None
    message: str = "A fault that the sandbox was told to make."

    @model_validator(mode="after")
    def _does_something(self) -> "Rule":
        changes = self.first or self.spoil or self.trickle_seconds or self.latency_seconds
        if not (changes or self.hang or self.reset or self.status):
            raise ValueError(
                "a fault needs one of first, spoil, trickle_seconds, latency_seconds, hang, reset"
                " or status"
            )
        if self.after and not (self.reset or self.status):
            raise ValueError("after needs reset or status: how the answer is lost")
        return self

    def meets(
        self, request: Mapping[Literal["host", "path", "query", "method", "identity"], str]
    ) -> bool:
        patterns = {
            "host": self.host,
            "path": self.path,
            "query": self.query,
            "method": self.method,
            "identity": self.identity,
        }
        return all(re.search(patterns[name], value) for name, value in request.items())


class Faults:
    """The rules that stand, the oldest first; the first that meets a request applies."""

    def __init__(self) -> None:
        self._rules: dict[int, Rule] = {}
        self._hits: dict[int, int] = {}
        self._next = 1

    def add(self, rule: Rule) -> int:
        number, self._next = self._next, self._next + 1
        self._rules[number], self._hits[number] = rule, 0
        return number

    def remove(self, number: int) -> bool:
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        self._rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        return [
            {"id": number, "hits": self._hits[number]} | rule.model_dump()
            for number, rule in self._rules.items()
        ]

    def take(self, **request: str) -> tuple[int, Rule] | None:
        """Return the rule that applies to the request and count it."""
        for number, rule in self._rules.items():
            spent = rule.count is not None and self._hits[number] >= rule.count
            if not spent and rule.meets(request):  # type: ignore[arg-type] # the five names
                self._hits[number] += 1
                return number, rule
        return None


async def apply(rule: Rule, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> int | None:
    """Let the fault happen. Return the status sent, 0 for none, None if the app shall answer."""
    if rule.latency_seconds:
        await asyncio.sleep(rule.latency_seconds)
    if rule.hang:
        await _until_gone(receive)
        return 0
    if rule.after:
        await app(scope, receive, _lose)
    if rule.reset:
        _reset(send)
        await _until_gone(receive)
        return 0
    if rule.spoil:
        return await spoil(app, scope, receive, send, rule.spoil)
    if rule.trickle_seconds:
        return await trickle(app, scope, receive, send, rule.trickle_seconds)
    if rule.status is None:
        return None
    await _send_status(rule, rule.status, send)
    return rule.status


async def _until_gone(receive: Receive) -> None:
    """Wait until the connection is gone: torn down, or given up by the client."""
    async with asyncio.timeout(_HANG_SECONDS):
        while (await receive())["type"] != "http.disconnect":
            pass


async def _lose(message: Message) -> None:
    del message


async def _send_status(rule: Rule, status: int, send: Send) -> None:
    code = rule.code or _CODES.get(status, "Fault")
    content = orjson.dumps({"error": {"code": code, "message": rule.message}})
    headers = [(name.lower().encode(), value.encode()) for name, value in rule.headers.items()]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json; charset=utf-8"), *headers],
        }
    )
    await send({"type": "http.response.body", "body": content})


def _reset(send: Send) -> None:
    """Tear the connection down so that the client sees a reset.

    Raising would make uvicorn answer 500. Its `send` is a method of the request's cycle, which
    holds the connection; linger 0 turns the close into a reset.
    """
    transport = send.__self__.transport  # type: ignore[attr-defined] # uvicorn's request cycle
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
