"""How the gateway answers: problem documents, headers, pages that ask nobody else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from services.gateway.domain.role import Role
from shared.errors import TransientError
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway

SCANS = "/api/v1/scans"


REFUSALS: list[tuple[str, str, bytes | None, int, str | None]] = [
    ("GET", "/nothing/here", None, 404, "not-found"),
    ("GET", "/api/v1/nothing", None, 404, "not-found"),
    ("GET", "/assets/../settings.py", None, 404, "not-found"),
    ("DELETE", SCANS, None, 405, "method-not-allowed"),
    ("POST", SCANS, b"{broken", 422, "invalid"),
    ("POST", SCANS, b'{"mode": "fast"}', 422, "invalid"),
    ("POST", SCANS, b'{"mode": "full", "more": 1}', 422, "invalid"),
    ("POST", SCANS, b"[]", 422, "invalid"),
    ("POST", SCANS, b"\xff\xfe", 422, "invalid"),
    ("POST", SCANS, b'{"mode": "' + b"x" * 70_000 + b'"}', 413, None),
    ("GET", f"{SCANS}/not-a-uuid", None, 422, "invalid"),
    ("GET", f"{SCANS}/00000000-0000-4000-8000-000000000000", None, 404, "not-found"),
    ("GET", "/api/v1/items?limit=501", None, 422, "invalid"),
    ("GET", "/api/v1/items?limit=0", None, 422, "invalid"),
    ("GET", "/api/v1/items?sort=size", None, 422, "wrong-parameter"),
    ("GET", "/api/v1/items?cursor=garbage", None, 422, "wrong-parameter"),
    ("GET", "/api/v1/items?tag=x", None, 422, "wrong-parameter"),
    ("GET", "/api/v1/items/99999999999999999999", None, 422, "invalid"),
    ("GET", "/api/v1/scans?cursor=W251bGwsIjEiLCIxIl0", None, 422, "wrong-parameter"),
    ("GET", "/api/v1/syncs", None, 501, "not-implemented"),
    ("POST", "/api/v1/syncs", b"{}", 501, "not-implemented"),
]


async def test_every_refusal_is_a_problem_document_with_a_sentence(gateway: Gateway) -> None:
    headers = {"content-type": "application/json"}
    async with await gateway.signed_in(Role.ADMIN) as http:
        for method, path, body, status, code in REFUSALS:
            answer = await http.request(method, path, content=body, headers=headers)

            assert answer.status_code == status, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", path
            problem = answer.json()
            assert problem["status"] == status
            assert problem["detail"].endswith("."), problem
            assert problem["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
            assert code is None or problem["code"] == code, (path, problem)
            if status == 405:
                assert answer.headers["allow"] == "GET, POST"


async def test_a_refused_password_is_not_repeated(gateway: Gateway) -> None:
    body = {"username": "ada", "password": ["hunter2-in-a-list"], "setup_token": "x" * 300}
    async with gateway.client() as http:
        answer = await http.post("/api/v1/auth/login", json=body)

    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert {"/body/password", "/body/setup_token"} == {
        error["pointer"] for error in answer.json()["errors"]
    }


async def test_what_goes_wrong_inside_stays_inside(gateway: Gateway) -> None:
    async def broken() -> dict[str, object]:
        raise RuntimeError("password=hunter2 at /srv/app")

    gateway.parts.overview.read = broken
    async with await gateway.signed_in(Role.VIEWER) as http:
        answer = await http.get("/api/v1/overview")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]


async def test_a_database_that_is_away_is_said_to_be_away(gateway: Gateway) -> None:
    async def away() -> dict[str, object]:
        raise TransientError("No database connection to 10.1.2.3")

    gateway.parts.overview.read = away
    async with await gateway.signed_in(Role.VIEWER) as http:
        answer = await http.get("/api/v1/overview")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "10.1.2.3" not in answer.text


PATHS = ("/", "/docs", "/assets/app.js", "/openapi.json", "/health", "/nowhere", "/api/v1/items")


async def test_every_answer_has_the_security_headers(gateway: Gateway) -> None:
    async with gateway.client() as http:
        for path in PATHS:
            headers = (await http.get(path)).headers

            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer", path
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "frame-ancestors 'none'" in policy, path
            assert "base-uri 'none'" in policy, path
            assert "unsafe-eval" not in policy, path
            assert "script-src 'unsafe" not in policy, path
            unwanted = {"strict-transport-security", "access-control-allow-origin", "server"}
            assert not unwanted & set(headers), path
            assert path.startswith("/assets/") or headers["cache-control"] == "no-store", path


async def test_https_is_pinned_only_where_it_is_https(database: Database, tmp_path: Path) -> None:
    async with running_gateway(database, tmp_path, trusted_proxies="10.0.0.0/8") as replica:
        forwarded = {"x-forwarded-proto": "https"}
        async with replica.client("10.0.0.1") as proxy, replica.client("203.0.113.1") as stranger:
            by_proxy = await proxy.get("/health/live", headers=forwarded)
            by_stranger = await stranger.get("/health/live", headers=forwarded)

    assert by_proxy.headers["strict-transport-security"].startswith("max-age=31536000")
    assert "strict-transport-security" not in by_stranger.headers


async def test_a_proxys_word_decides_whose_limit_is_used(
    database: Database, tmp_path: Path
) -> None:
    async with (
        running_gateway(
            database, tmp_path, trusted_proxies="10.0.0.0/8", logins_per_minute=1
        ) as replica,
        replica.client("10.0.0.1") as http,
    ):
        body = {"username": "nobody", "password": "wrong"}
        codes = [
            (
                await http.post(
                    "/api/v1/auth/login", json=body, headers={"x-forwarded-for": address}
                )
            ).status_code
            for address in ("203.0.113.1", "203.0.113.2", "9.9.9.9, 203.0.113.1")
        ]

    assert codes == [401, 401, 429]


async def test_the_description_is_valid_openapi_and_says_who_may(gateway: Gateway) -> None:
    async with gateway.client() as http:
        schema = (await http.get("/openapi.json")).json()

    validate(schema)
    assert schema["openapi"].startswith("3.1")
    assert schema["paths"]["/api/v1/scans"]["post"]["x-permission"] == "request_scan"
    assert schema["paths"]["/api/v1/auth/login"]["post"]["security"] == []
    assert "security" not in schema["paths"]["/api/v1/items"]["get"]
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "cookie"}


@pytest.mark.parametrize("page", ["/", "/docs"])
async def test_a_page_refers_to_nothing_elsewhere_and_holds_no_script(
    gateway: Gateway, page: str
) -> None:
    async with gateway.client() as http:
        html = (await http.get(page)).text
        references = re.findall(r'(?:href|src|action)="([^"]*)"', html)
        assert references
        assert all(found.startswith("/") and not found.startswith("//") for found in references)
        assert "http:" not in html
        assert "https:" not in html
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert not re.search(r"<style|\son\w+=|style=", html)
        for found in references:
            answer = await http.get(found)
            assert answer.status_code == 200, found
            kinds = {".js": "javascript", ".css": "css", ".svg": "svg"}
            kind = kinds.get(Path(found).suffix)
            assert kind is None or kind in answer.headers["content-type"]


def test_our_own_scripts_never_parse_markup_and_call_only_this_origin() -> None:
    folder = Path("services/gateway/static")
    for file in folder.glob("*.js"):
        text = file.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        assert not re.search(r"https?://", text)


async def test_health_is_open_and_its_detail_is_not(gateway: Gateway) -> None:
    async with gateway.client() as http:
        stranger = await http.get("/health")
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get("/health/ready")).status_code == 200
        assert (await http.get("/health/startup")).status_code == 200
    async with await gateway.signed_in(Role.VIEWER) as http:
        known = await http.get("/health")
    gateway.service.health.stopping = True
    async with gateway.client() as http:
        stopping = await http.get("/health/ready")

    assert stranger.json() == {"status": "ok"}
    assert known.json()["service"] == "gateway"
    assert "checks" in known.json()
    assert stopping.status_code == 503


async def test_the_licence_state_is_open(gateway: Gateway) -> None:
    async with gateway.client() as http:
        answer = (await http.get("/api/v1/license/status")).json()

    assert answer["state"] == "evaluation"
    assert "rotation" in answer["features"]


async def test_requests_are_counted_by_route_and_not_by_what_a_stranger_types(
    gateway: Gateway,
) -> None:
    async with gateway.client() as http:
        await http.get("/guess/1")
        await http.get("/guess/2")
        await http.get("/api/v1/items/17")

    def count(route: str, status: str) -> float | None:
        labels = {"method": "GET", "route": route, "status": status}
        return gateway.service.registry.get_sample_value("gateway_http_requests_total", labels)

    assert count("other", "404") == 2
    assert count("/api/v1/items/{item_id}", "401") == 1


async def test_asking_for_health_often_does_not_ask_the_database_often(gateway: Gateway) -> None:
    asked = 0
    read = gateway.parts.health_report.read

    async def counted() -> dict[str, object]:
        nonlocal asked
        asked += 1
        return await read()

    gateway.parts.health_report.read = counted
    async with gateway.client() as http:
        for _ in range(5):
            await http.get("/health")
            await http.get("/health/ready")
        gateway.clock.forward(seconds=2)
        await http.get("/health")

    assert asked == 2


async def test_a_body_that_is_longer_than_it_said_is_refused_while_it_is_read(
    gateway: Gateway,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    async with await gateway.signed_in(Role.ADMIN) as http:
        answer = await http.post(
            SCANS, content=chunks(), headers={"content-type": "application/json"}
        )

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
