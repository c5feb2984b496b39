"""A request that does not come to its end is hung up on; an answer may take its time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.service import patience
from shared.service.http import serve_http

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
BODY = b"body"
SECONDS = 0.2


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body, think for longer than a request may take, and answer."""
    del scope
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["more_body"]:
            break
    await asyncio.sleep(3 * SECONDS)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(patience, "REQUEST_SECONDS", SECONDS)
    async with serve_http(application, host="127.0.0.1", port=0) as found:
        yield found


async def talk(port: int, *parts: bytes, every: float = 0) -> bytes:
    """Send the parts, and return all that comes until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        reading = asyncio.create_task(reader.read())
        for part in parts:
            writer.write(part)
            await asyncio.sleep(every)
            if reading.done():
                break
        answer = await reading
    writer.close()
    return answer


async def test_a_connection_on_which_nothing_is_asked_ends(port: int) -> None:
    assert (await talk(port)).startswith(b"HTTP/1.1 408 ")


async def test_half_a_head_ends(port: int) -> None:
    assert (await talk(port, HEAD[:20])).startswith(b"HTTP/1.1 408 ")


async def test_half_a_body_ends_without_an_answer(port: int) -> None:
    assert await talk(port, HEAD + BODY[:2]) == b""


async def test_a_byte_now_and_then_does_not_extend_it(port: int) -> None:
    trickle = [HEAD[n : n + 1] for n in range(len(HEAD))]

    assert (await talk(port, *trickle, every=SECONDS / 4)).startswith(b"HTTP/1.1 408 ")


async def test_an_answer_may_take_longer_than_its_request(port: int) -> None:
    closing = HEAD.replace(b"Host", b"Connection: close\r\nHost")

    assert (await talk(port, closing + BODY)).endswith(b"ok")


async def test_a_later_request_on_the_same_connection_has_to_end_as_well(port: int) -> None:
    answer = await talk(port, HEAD + BODY, HEAD[:20], every=5 * SECONDS)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_whole_requests_are_answered_one_after_the_other(port: int) -> None:
    answer = await talk(port, HEAD + BODY, HEAD + BODY, HEAD[:5], every=5 * SECONDS)

    assert answer.count(b"HTTP/1.1 200 ") == 2
