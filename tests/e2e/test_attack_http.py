"""A stranger at the gateway: nonsense of every form gets a sentence and never an error of ours."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.gateway.domain.filters import parse_items
from tests.support.database import Database
from tests.support.platform import Running, running

BIG = "9" * 40
A_MOMENT = "2026-01-01T00:00:00+00:00"
BY_EXPIRY, BY_NAME = parse_items().question, parse_items(sort="name").question
NUMBERED: list[tuple[str, str, str | None]] = [
    ("/items", BY_EXPIRY, A_MOMENT),
    ("/items", BY_EXPIRY, None),
    ("/items?sort=name", BY_NAME, "a"),
    ("/changes", "changes/None/None", None),
    ("/vaults", "vaults/None/None/None", None),
    ("/outbox", "outbox", None),
]
JSON = {"content-type": "application/json"}
NO_REQUESTS = [
    b"{",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'{"mode": NaN}',
    b'{"mode":' + b"[" * 20_000,
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"subscriptions": ["\\u0000"]}',
    b'{"subscriptions": ["\\ud800"]}',
    b'{"mode": "full", "more": 1}',
]
HEADS = [
    "GET /api/v1/items HTTP/1.1\r\nAuthorization: Bearer \xff\xff",
    "GET /api/v1/auth/me HTTP/1.1\r\nCookie: __Host-session=\xff; a=b; a",
    "GET /health HTTP/1.1\r\nX-Forwarded-For: \xff,,,;\r\nX-Forwarded-Host: \xff",
    "GET /api/v1/items HTTP/1.1\r\ntraceparent: 00-zz-\xff\r\nbaggage: \xff=;=,",
    "POST /api/v1/auth/login HTTP/1.1\r\nContent-Length: 99999999999999999999",
    "POST /api/v1/auth/login HTTP/1.1\r\nContent-Length: -1",
    "POST /api/v1/auth/login HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
    "BREW /api/v1/items HTTP/1.1",
    "GET http://elsewhere/api/v1/items HTTP/1.1",
]


@pytest.fixture
async def gateway(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    limits = {"logins_per_minute": 1000, "requests_per_minute": 100_000}
    async with running(database, tmp_path, names=["gateway"], **limits) as platform:
        yield platform


@pytest.fixture
async def api(gateway: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the administrator."""
    async with httpx.AsyncClient(base_url=gateway.url + "/api/v1", trust_env=False) as http:
        body = {
            "setup_token": gateway.setup_token,
            "username": "ada",
            "password": "a-long-walk-home",
        }
        answer = (await http.post("/auth/login", json=body)).raise_for_status().json()
        http.headers["authorization"] = f"Bearer {answer['access_token']}"
        yield http


def a_cursor(question: str, key: str | None, row_id: str) -> str:
    """Return a cursor as the gateway writes it, with whatever is in it."""
    digest = hashlib.blake2b(question.encode(), digest_size=9).hexdigest()
    body = json.dumps([key, row_id, digest])
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def refused(answer: httpx.Response, *statuses: int) -> bool:
    """Whether it is a problem document with one of these statuses and a sentence."""
    assert answer.status_code in statuses, (answer.request.url, answer.text[:200])
    problem: dict[str, Any] = answer.json()
    return answer.headers["content-type"] == "application/problem+json" and len(
        problem["detail"]
    ) > len("sentence")


async def test_a_cursor_with_another_row_in_it_is_refused(api: httpx.AsyncClient) -> None:
    for row_id in ("abc", BIG, "-1", "", "1.5", "\0", "\u0663", "1_0", " 5 "):
        for path, question, key in NUMBERED:
            params = httpx.QueryParams(path.partition("?")[2]).set(
                "cursor", a_cursor(question, key, row_id)
            )
            assert refused(await api.get(path.partition("?")[0], params=params), 422)
        for path, question in (("/scans", "scans"), ("/alerts", "alerts/None")):
            cursor = a_cursor(question, A_MOMENT, row_id)
            assert refused(await api.get(path, params={"cursor": cursor}), 422)


async def test_a_cursor_with_an_impossible_key_is_refused(api: httpx.AsyncClient) -> None:
    for moment in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        cursor = a_cursor(BY_EXPIRY, moment, "1")
        assert refused(await api.get("/items", params={"cursor": cursor}), 422)
        for path, question in (("/scans", "scans"), ("/alerts", "alerts/None")):
            cursor = a_cursor(question, moment, str(uuid4()))
            assert refused(await api.get(path, params={"cursor": cursor}), 422)
    for name in ("a\0b", "\ud800"):
        params = {"sort": "name", "cursor": a_cursor(BY_NAME, name, "1")}
        assert refused(await api.get("/items", params=params), 422)


async def test_filters_that_the_database_cannot_hold_are_refused_or_find_nothing(
    api: httpx.AsyncClient,
) -> None:
    for path, params in (
        ("/vaults", {"q": "\0"}),
        ("/vaults", {"subscription": "a\0b"}),
        ("/items", {"vault": "\0x"}),
        ("/items", {"tag": "a:\0"}),
        ("/items", {"subscription": "\0"}),
        ("/items", {"kind": "secret' OR 1=1 --"}),
        ("/items", {"sort": "name; DROP TABLE scanner.item"}),
        ("/items", {"limit": BIG}),
        ("/items", {"limit": "-1"}),
        ("/items/" + BIG, {}),
        ("/changes", {"vault": BIG}),
    ):
        assert refused(await api.get(path, params=params), 422)
    for path, params in (
        ("/items", {"vault": "3000000000"}),
        ("/items", {"vault": "9" * 18}),
        ("/vaults", {"q": "%_'\"; DROP TABLE"}),
        ("/items", {"q": "\u202e\u0661 \u017f \u0130"}),
    ):
        assert (await api.get(path, params=params)).raise_for_status().json()["data"] == []


async def test_a_body_that_is_no_request_is_refused(api: httpx.AsyncClient) -> None:
    for body in NO_REQUESTS:
        answer = await api.post("/scans", content=body, headers=JSON)
        assert refused(answer, 400, 413, 422), body[:30]


async def test_half_a_character_in_a_password_is_refused_and_not_repeated(
    api: httpx.AsyncClient,
) -> None:
    body = b'{"username": "ada", "password": "canary\\ud800"}'

    answer = await api.post("/auth/login", content=body, headers=JSON)

    assert refused(answer, 422)
    assert "canary" not in answer.text


async def test_ten_equal_requests_at_once_with_one_key_are_one_scan(
    api: httpx.AsyncClient,
) -> None:
    headers = {"Idempotency-Key": "one"}
    answers = await asyncio.gather(
        *(api.post("/scans", json={}, headers=headers) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_no_path_leads_out_of_the_static_files(gateway: Running) -> None:
    port = int(gateway.url.rpartition(":")[2])
    for path in (
        "/assets/../settings.py",
        "/assets/%2e%2e/settings.py",
        "/assets/..%2f..%2f..%2fpyproject.toml",
        "/assets//etc/passwd",
        "/assets/docs/%2e%2e/__init__.py",
        "/assets/%00",
        "/assets/" + "a" * 5000,
        "/assets/..%5c..%5csettings.py",
    ):
        status, text = await raw(port, f"GET {path} HTTP/1.1")
        assert status == 404, path
        assert "import" not in text


async def test_headers_of_garbage_are_never_an_error_of_ours(gateway: Running) -> None:
    port = int(gateway.url.rpartition(":")[2])
    for head in HEADS:
        status, _ = await raw(port, head)
        assert status in {200, 400, 401, 404, 405}, head


async def raw(port: int, head: str) -> tuple[int, str]:
    """Send bytes that no HTTP library would and return the answer's status and text."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode("latin-1")
    writer.close()
    return int(answer.split(" ")[1]), answer
