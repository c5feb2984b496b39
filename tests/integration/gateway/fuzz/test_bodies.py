"""Bodies that are no request, or almost one: each is refused with a sentence, nothing is done."""

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import strategies as st

from services.gateway.domain.role import Role
from tests.support.drawn import drawn
from tests.support.gateway import PASSWORD, Gateway
from tests.support.refused import fits

JSON = "application/json"
SECRET = "canary-of-a-password"
UUID = "00000000-0000-4000-8000-000000000000"
TARGETS = [
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/confirm"),
    ("POST", "/api/v1/auth/password"),
    ("POST", "/api/v1/auth/tokens"),
    ("POST", "/api/v1/auth/second-factor/confirm"),
    ("POST", "/api/v1/users"),
    ("PATCH", f"/api/v1/users/{UUID}"),
    ("PUT", f"/api/v1/users/{UUID}/password"),
    ("POST", "/api/v1/schedules"),
    ("PUT", f"/api/v1/schedules/{UUID}"),
    ("PUT", "/api/v1/thresholds"),
    ("PUT", f"/api/v1/rotation-policies/{UUID}"),
    ("POST", "/api/v1/rotation-freezes"),
    ("POST", "/api/v1/queues/scanner.none/dead-letters/replay"),
    ("POST", "/api/v1/queues/scanner.none/dead-letters/purge"),
]
REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422)
FIXED = [
    b"",
    b"{",
    b'{"password": "canary-of-a-password"',
    b'{"password": "canary-of-a-password\\ud800"}',
    b'{"password": "canary-of-a-password\\u0000", "password": NaN}',
    b'{"username": "a", "username": "b", "password": "canary-of-a-password"}',
    b'{"password": ["canary-of-a-password"]}',
    b'{"days": 1e400, "days": Infinity}',
    b'{"days": ' + b"9" * 5000 + b"}",
    b"[" * 30_000,
    b'{"a":' * 12_000,
    b'"' + b"\xff" * 50 + b'"',
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b"\0" * 100,
    b'{"__proto__": {"role": "admin"}, "role": "admin"}',
    b"x" * 65_537,
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "username",
        "password",
        "present_password",
        "role",
        "scope",
        "code",
        "name",
        "days",
        "cron",
        "permissions",
        "networks",
        "mode",
        "selector",
        "subscriptions",
        "all",
        "id",
        "warning_days",
    ]
)
documents = st.dictionaries(names, values, max_size=5).map(lambda it: json.dumps(it).encode())
bodies = st.binary(max_size=60) | documents | values.map(lambda it: json.dumps(it).encode())


async def test_no_body_is_an_error_of_ours_or_repeats_a_password(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.ADMIN) as http:
        for method, path in TARGETS:
            for body in [*FIXED, *drawn(bodies, 25)]:
                answer = await http.request(
                    method, path, content=body, headers={"content-type": JSON}
                )
                fits(answer, *REFUSALS, sent=(path, body[:60]))
                assert SECRET not in answer.text, (path, body)
    people = await gateway.pool.fetchval("SELECT count(*) FROM gateway.app_user")

    assert people == 1


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/json; charset=utf-7",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json,",
        "",
        "\xff",
    ],
)
async def test_another_content_type_does_nothing_wrong(gateway: Gateway, content_type: str) -> None:
    name = await gateway.add_user(Role.VIEWER)
    right = json.dumps({"username": name, "password": PASSWORD}).encode()
    form = f"username={name}&password={PASSWORD}".encode()
    async with gateway.client() as http:
        for body in (right, form, *FIXED):
            answer = await http.post(
                "/api/v1/auth/login",
                content=body,
                headers={"content-type": content_type.encode("latin-1")},
            )
            fits(answer, 200, *REFUSALS, sent=(content_type, body[:60]))
            assert answer.status_code != 200 or body == right


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b'{"a": "' + b"x" * 1000


async def test_a_body_without_an_end_is_refused_at_the_limit(gateway: Gateway) -> None:
    async with gateway.client() as http:
        open_ = await http.post("/api/v1/auth/login", content=endless())
        nobody = await http.post("/api/v1/scans", content=endless())

    fits(open_, 413)
    fits(nobody, 401)
