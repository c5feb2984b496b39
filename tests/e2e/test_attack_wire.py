"""Bytes that no HTTP library would send: the gateway refuses them or hangs up, and goes on."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.database import Database
from tests.support.platform import Running, running

ME = "GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\n"
LOGIN = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = LOGIN + "Transfer-Encoding: chunked\r\n\r\n"
HANGS_UP = 0

GARBAGE = [
    ME + "Host: y\r\n\r\n",
    "GET /api/v1/auth/me HTTP/1.1\r\n\r\n",
    "GET http://user:pass@elsewhere:99999/api/v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET //elsewhere/api/v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v1/auth/me/../../../health/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v1/items/%00%ff%zz?q=%ff%00&vault=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v1/auth/me HTTP/9.9\r\nHost: x\r\n\r\n",
    "GET /api/v1/auth/me\r\n\r\n",
    "CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "\r\n\r\n\0\0\0 HTTP/1.1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\0" * 40 + "\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ME + "Authorization: Bearer \0\r\n\r\n",
    ME + "Authorization : Bearer a\r\n\r\n",
    ME + "Authorization: Bearer a\r\n b\r\n\r\n",
    ME + "Authorization: Bearer a\rX: b\r\n\r\n",
    ME + "Cookie: __Host-session=\0; a=\x7f\r\n\r\n",
    ME + "X-Forwarded-For: " + "1.2.3.4, " * 6000 + "\r\n\r\n",
    ME + "X: y\r\n" * 3000 + "\r\n",
    ME + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ME + "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n\r\n",
    ME + "Expect: a miracle\r\n\r\n",
]
# Where one body ends: told twice, in two ways, or in a way that cannot be.
LENGTHS = [
    LOGIN + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    LOGIN + "Content-Length: 2, 40\r\n\r\n{}",
    LOGIN + "Content-Length: +2\r\n\r\n{}",
    LOGIN + "Content-Length: 0x2\r\n\r\n{}",
    LOGIN + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    LOGIN + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    LOGIN + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    LOGIN + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    CHUNKED + "-1\r\n{}\r\n0\r\n\r\n",
    CHUNKED + "FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
    CHUNKED + "2\n{}\n0\n\n",
    CHUNKED + "zz\r\n{}\r\n",
]


@pytest.fixture
async def gateway(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    limits = {"logins_per_minute": 1000, "requests_per_minute": 100_000}
    async with running(database, tmp_path, names=["gateway"], **limits) as platform:
        yield platform


async def token_of(gateway: Running) -> str:
    body = {"setup_token": gateway.setup_token, "username": "ada", "password": "a-long-walk-home"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = (await http.post("/api/v1/auth/login", json=body)).raise_for_status()
    return str(answer.json()["access_token"])


async def talk(gateway: Running, *texts: str) -> list[int]:
    """Send bytes as they are and return the statuses that came until the gateway hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(gateway.url).port)
    answers, hung_up = b"", []
    try:
        async with asyncio.timeout(60):
            for text in texts:
                writer.write(text.encode("latin-1"))
                await writer.drain()
            while data := await reader.read(65_536):
                answers += data
    except ConnectionError:
        hung_up = [HANGS_UP]
    finally:
        writer.close()
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)] + hung_up


async def test_garbage_on_the_wire_gets_a_refusal_or_an_end(gateway: Running) -> None:
    closing = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for text in GARBAGE:
        for status in await talk(gateway, text, closing):
            assert status < 500, text[:80]

    assert await talk(gateway, closing) == [200]


async def test_no_request_hides_in_anothers_body(gateway: Running) -> None:
    hidden = f"{ME}Authorization: Bearer {await token_of(gateway)}\r\nConnection: close\r\n\r\n"
    for text in LENGTHS:
        statuses = await talk(gateway, text, hidden)
        # What cannot be told apart ends the connection: nothing behind it is read.
        assert all(status < 500 for status in statuses), (text, statuses)
        assert 200 not in statuses, (text, statuses)

    for clear in (LOGIN + "Content-Length: 2\r\n\r\n{}", CHUNKED + "2;a=b\r\n{}\r\n0\r\n\r\n"):
        assert await talk(gateway, clear, hidden) == [422, 200]


async def test_a_body_without_an_end_is_refused_at_the_limit_on_the_wire(gateway: Running) -> None:
    chunk = "1000\r\n" + "x" * 0x1000 + "\r\n"

    statuses = await talk(
        gateway, CHUNKED.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), *[chunk] * 32
    )

    assert {413, HANGS_UP} >= set(statuses[:2]) > set()
