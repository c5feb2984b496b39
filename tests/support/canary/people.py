"""Inputs of people: set-up, passwords, sessions, second factors, API tokens."""

from datetime import timedelta

import pyotp

from services.gateway.app import offer_code
from tests.support.canary.visit import Visit

ADMIN, OTHER, LOCKED_OUT = "ada", "grace", "hedy"


async def wrong_setup_token(visit: Visit, value: str) -> None:
    body = {"username": ADMIN, "password": "a wide field in spring", "setup_token": value}
    assert (await visit.ask("POST", "/auth/login", body))["status"] == 401


async def setup_token(visit: Visit, value: str) -> str:
    del value
    return visit.platform.setup_token


async def administrator(visit: Visit, value: str) -> None:
    """Become the administrator, and give the password again as sensitive acts ask for."""
    await visit.sign_in(ADMIN, value, setup_token=visit.platform.setup_token)
    await visit.ask("POST", "/auth/confirm", {"password": value}, who=ADMIN)


async def session_token(visit: Visit, value: str) -> str:
    del value
    await visit.ask("GET", "/auth/me", who=ADMIN)
    return visit.tokens[ADMIN]


async def session_cookie(visit: Visit, value: str) -> str:
    """Open a cookie session, use it, and let another site's page try to."""
    del value
    password = visit.values["the first administrator's password"]
    body = {"username": ADMIN, "password": password, "session": "cookie"}
    cookie = (await visit.once("POST", "/auth/login", body, cookie=True)).partition(";")[0]
    for site in ("same-origin", "cross-site"):
        sent = {"cookie": cookie, "sec-fetch-site": site}
        await visit.ask("GET", "/auth/me", headers=sent)
        await visit.ask("POST", "/scans", {"mode": "full"}, headers=sent)
    return str(cookie.partition("=")[2])


async def first_password(visit: Visit, value: str) -> None:
    """Add somebody, and somebody of the same name again."""
    body = {"username": OTHER, "password": value, "role": "operator"}
    added = [await visit.ask("POST", "/users", body, who=ADMIN) for _ in range(2)]
    assert [answer["status"] for answer in added] == [201, 409]
    await visit.sign_in(OTHER, value)


async def password_given_anew(visit: Visit, value: str) -> None:
    people = await visit.once("GET", "/users", who=ADMIN)
    (id_,) = [user["id"] for user in people["data"] if user["username"] == OTHER]
    for password in (value[:5], value):
        body = {"password": password}
        answer = await visit.ask("PUT", f"/users/{id_}/password", body, who=ADMIN)
    assert answer["status"] == 204
    await visit.sign_in(OTHER, value)


async def own_password(visit: Visit, value: str) -> None:
    first = visit.values["a first password given anew"]
    for present in (value, first):
        body = {"present_password": present, "password": value}
        answer = await visit.ask("POST", "/auth/password", body, who=OTHER)
    assert answer["status"] == 200
    await visit.ask("POST", "/auth/confirm", {"password": value}, who=OTHER)


async def second_factor(visit: Visit, value: str) -> str:
    del value
    offer = await visit.once("POST", "/auth/second-factor", who=OTHER)
    return str(offer["secret"])


async def recovery_code(visit: Visit, value: str) -> str:
    """Confirm the second factor, and sign in with a recovery code: twice, which is refused."""
    del value
    code = pyotp.TOTP(visit.values["a second factor's secret"]).now()
    body = {"code": code}
    codes = (await visit.once("POST", "/auth/second-factor/confirm", body, who=OTHER))["codes"]
    password = visit.values["a password of one's own choice"]
    await visit.sign_in(OTHER, password, code=codes[0])
    again = {"username": OTHER, "password": password, "code": codes[0]}
    assert (await visit.ask("POST", "/auth/login", again))["status"] == 401
    return str(codes[0])


async def api_token(visit: Visit, value: str) -> str:
    """Make a token, and use it for what it may, for what it may not, and after its end."""
    del value
    body = {"name": "exports", "permissions": ["read_inventory"]}
    made = await visit.once("POST", "/auth/tokens", body, who=ADMIN)
    visit.tokens["program"] = made["token"]
    await visit.ask("GET", "/items", who="program")
    await visit.ask("POST", "/scans", {"mode": "full"}, who="program")
    await visit.ask("DELETE", f"/auth/tokens/{made['id']}", who=ADMIN)
    await visit.ask("GET", "/items", who="program")
    return str(made["token"])


async def break_glass(visit: Visit, value: str) -> str:
    """Make a code beside the database; use it for another name, for the right one, and again."""
    del value
    code = await offer_code(visit.database.url("gateway"), LOCKED_OUT, timedelta(minutes=15))
    body = {"password": "a wide field in spring", "setup_token": code}
    await visit.ask("POST", "/auth/login", {**body, "username": ADMIN})
    await visit.sign_in(LOCKED_OUT, **body)
    await visit.ask("POST", "/auth/login", {**body, "username": LOCKED_OUT})
    return code
