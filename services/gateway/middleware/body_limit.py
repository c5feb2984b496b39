"""A limit on a request's body, kept while it is read: a length header may lie or be absent."""

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

_TOO_LARGE = 413


def limited(scope: Scope, receive: Receive, most: int) -> Receive:
    """Return `receive` that raises 413 as soon as more than `most` bytes came or are announced."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    taken = 0

    async def receive_on() -> Message:
        nonlocal taken
        if announced.isdigit() and int(announced) > most:
            raise HTTPException(_TOO_LARGE)
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(_TOO_LARGE)
        return message

    return receive_on
