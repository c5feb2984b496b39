"""Answers that arrive spoiled: the true one is made first, and then not sent as it is."""

import asyncio
from typing import Any, Final, Literal

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Spoil = Literal["not-json", "wrong-types", "truncated", "short-length", "lost-link", "repeated"]
_TRICKLE_BYTES: Final = 8
_CLOSING_SECONDS: Final = 5.0
_LENGTH: Final = b"content-length"


async def spoil(app: ASGIApp, scope: Scope, receive: Receive, send: Send, how: Spoil) -> int:
    """Send the application's answer spoiled; return the status that was sent.

    `not-json` and `wrong-types` are sent whole; `lost-link` leaves out the way to the next page,
    and `repeated` shows a page's first row twice. Of `truncated` half arrives before the connection
    closes; `short-length` claims fewer bytes than follow.
    """
    start, body = await _answer_of(app, scope, receive)
    match how:
        case "not-json":
            body = body[: len(body) // 2]
        case "wrong-types" | "lost-link" | "repeated":
            body = orjson.dumps(_changed(orjson.loads(body), how))
        case "truncated":
            return await _send_raw(receive, send, start, body[: len(body) // 2], claimed=len(body))
        case "short-length":
            return await _send_raw(receive, send, start, body, claimed=len(body) // 2)
    await send(_with_length(start, len(body)))
    await send({"type": "http.response.body", "body": body})
    return int(start["status"])


async def trickle(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, pause_seconds: float
) -> int:
    """Send the application's answer a few bytes at a time, with a pause after each few."""
    start, body = await _answer_of(app, scope, receive)
    await send(start)
    for begin in range(0, len(body), _TRICKLE_BYTES):
        part = body[begin : begin + _TRICKLE_BYTES]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        if await _left(receive, pause_seconds):
            return int(start["status"])
    await send({"type": "http.response.body", "body": b""})
    return int(start["status"])


async def _left(receive: Receive, seconds: float) -> bool:
    """Wait so long, and say whether the client gave the connection up meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


def _changed(document: dict[str, Any], how: Spoil) -> dict[str, Any]:
    rows = document.get("value")
    if how == "lost-link":
        return document | {"nextLink": None}
    if how == "repeated" and isinstance(rows, list):
        return document | {"value": [*rows, *rows[:1]]}
    return document | {"value": {"rows": rows}}


def _with_length(start: Message, length: int) -> Message:
    headers = [pair for pair in start["headers"] if pair[0].lower() != _LENGTH]
    return {**start, "headers": [*headers, (_LENGTH, str(length).encode())]}


async def _send_raw(
    receive: Receive, send: Send, start: Message, body: bytes, *, claimed: int
) -> int:
    """Write the answer to the connection itself and close it: uvicorn would refuse a false length.

    Its `send` is a method of the request's cycle, which holds the connection.
    """
    transport = send.__self__.transport  # type: ignore[attr-defined] # uvicorn's request cycle
    lines = [b"HTTP/1.1 %d Spoiled" % start["status"]]
    lines += [b"%s: %s" % pair for pair in _with_length(start, claimed)["headers"]]
    transport.write(b"\r\n".join([*lines, b"", body]))
    transport.close()
    await _left(receive, _CLOSING_SECONDS)
    return int(start["status"])
