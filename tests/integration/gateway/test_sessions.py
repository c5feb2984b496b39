"""Sessions: how they end, what carries them, and what no foreign page can do with them."""

import base64
from typing import Any
from uuid import uuid4

import jwt

from services.gateway.domain.role import Role
from tests.support.gateway import ORIGIN, PAGE, PASSWORD, Gateway

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"


async def test_a_session_ends_after_eight_hours_however_busy(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        for _ in range(9):
            gateway.clock.forward(minutes=50)
            assert (await http.get(ME)).status_code == 200
        gateway.clock.forward(minutes=30)

        assert (await http.get(ME)).status_code == 401


async def test_a_session_ends_after_an_hour_without_use(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        gateway.clock.forward(minutes=59)
        assert (await http.get(ME)).status_code == 200
        gateway.clock.forward(minutes=60)

        assert (await http.get(ME)).status_code == 401


async def test_signing_out_ends_the_token_at_once(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        assert (await http.post("/api/v1/auth/logout")).status_code == 204

        assert (await http.get(ME)).status_code == 401


async def test_a_user_who_is_disabled_is_out_with_the_next_request(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        await gateway.pool.execute("UPDATE gateway.app_user SET disabled_at = now()")

        assert (await http.get(ME)).status_code == 401


async def test_a_role_that_was_taken_away_is_gone_with_the_next_request(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        assert (await http.post("/api/v1/scans", json={})).status_code == 202
        await gateway.pool.execute("UPDATE gateway.app_user SET role = 'viewer'")

        assert (await http.post("/api/v1/scans", json={})).status_code == 403


async def test_a_cookie_session_sets_the_strictest_cookie_and_no_token(gateway: Gateway) -> None:
    username = await gateway.add_user(Role.VIEWER)
    body = {"username": username, "password": PASSWORD, "session": "cookie"}
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json=body, headers=PAGE)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert "access_token" not in answer.json()


async def test_a_cookies_token_is_no_bearer_token_and_the_other_way_round(
    gateway: Gateway,
) -> None:
    username, bearer = await gateway.add_user(Role.VIEWER), await gateway.token(Role.VIEWER)
    body = {"username": username, "password": PASSWORD, "session": "cookie"}
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json=body, headers=PAGE)
        cookie = answer.headers["set-cookie"].split(";")[0].partition("=")[2]
        http.cookies.clear()
        assert (await http.get(ME, headers={"cookie": f"__Host-session={cookie}"})).is_success
        swapped = [
            await http.get(ME, headers={"authorization": f"Bearer {cookie}"}),
            await http.get(ME, headers={"cookie": f"__Host-session={bearer}"}),
        ]

    assert [answer.status_code for answer in swapped] == [401, 401]


FOREIGN = [
    {"sec-fetch-site": "cross-site", "content-type": "application/json"},
    {"sec-fetch-site": "same-site", "content-type": "application/json"},
    {"origin": "https://evil.example", "content-type": "application/json"},
    {"content-type": "application/json"},
    {"sec-fetch-site": "same-origin", "content-type": "text/plain"},
    {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"},
]


async def test_a_foreign_page_cannot_act_with_a_cookie(gateway: Gateway) -> None:
    username = await gateway.add_user(Role.ADMIN)
    login = {"username": username, "password": PASSWORD, "session": "cookie"}
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json=login, headers=PAGE)
        cookie = {"cookie": answer.headers["set-cookie"].split(";")[0]}
        http.cookies.clear()
        for headers in FOREIGN:
            foreign = await http.post("/api/v1/scans", content="{}", headers=headers | cookie)
            assert foreign.status_code == 403, headers
            assert foreign.json()["code"] == "foreign-page"
        own = await http.post("/api/v1/scans", content="{}", headers=PAGE | cookie)
        origin = {"origin": ORIGIN, "content-type": "application/json"}
        older = await http.post("/api/v1/scans", content="{}", headers=origin | cookie)

    assert [own.status_code, older.status_code] == [202, 202]


async def test_a_foreign_page_cannot_sign_a_browser_in(gateway: Gateway) -> None:
    username = await gateway.add_user(Role.VIEWER)
    login = {"username": username, "password": PASSWORD, "session": "cookie"}
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json=login, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def forged(gateway: Gateway, token: str) -> dict[str, str]:
    """Return tokens that must not work, by what is wrong with them."""
    head = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    key = gateway.parts.sign_in.tokens._newest.private_key  # type: ignore[attr-defined]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    own, other = Ed25519PrivateKey.from_private_bytes(key), Ed25519PrivateKey.generate()
    secret = base64.b64encode(own.public_key().public_bytes_raw()).decode()
    extra = {"kid": head["kid"], "typ": head["typ"]}

    def made(changes: dict[str, Any], drop: str = "", **header: Any) -> str:
        body = {k: v for k, v in {**claims, **changes}.items() if k != drop}
        return jwt.encode(body, own, "EdDSA", headers={**extra, **header})

    return {
        "another key": jwt.encode(claims, other, "EdDSA", headers=extra),
        "none": jwt.encode(claims, None, "none", headers=extra),
        "hs256": jwt.encode(claims, secret, "HS256", headers=extra),
        "unknown kid": made({}, kid="x"),
        "wrong typ": made({}, typ="JWT"),
        "wrong audience": made({"aud": "licence"}),
        "wrong issuer": made({"iss": "somebody"}),
        "another user": made({"sub": str(uuid4())}),
        "unknown session": made({"jti": str(uuid4())}),
        "from the future": made({"iat": claims["iat"] + 3600}),
        "expired": made({"exp": claims["iat"] - 60}),
        **{f"no {name}": made({}, drop=name) for name in ("exp", "iat", "sub", "jti", "aud")},
        "nonsense": "a.b.c",
        "empty": "",
        "cut": token[:-10],
    }


async def test_no_forged_token_opens_anything(gateway: Gateway) -> None:
    token = await gateway.token(Role.ADMIN)
    async with gateway.client() as http:
        for what, bad in forged(gateway, token).items():
            answer = await http.get(ME, headers={"authorization": f"Bearer {bad}"})
            assert answer.status_code == 401, what
        good = await http.get(ME, headers={"authorization": f"Bearer {token}"})

    assert good.status_code == 200


async def test_a_token_signed_a_moment_ahead_by_another_replica_is_accepted(
    gateway: Gateway,
) -> None:
    token = await gateway.token(Role.VIEWER)
    gateway.clock.forward(seconds=-4)

    async with gateway.client(authorization=f"Bearer {token}") as http:
        assert (await http.get(ME)).status_code == 200
