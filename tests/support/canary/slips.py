"""Inputs by mistake or by attack: secrets where they do not belong."""

from urllib.parse import quote

from tests.support.canary.forms import word_canary
from tests.support.canary.people import ADMIN, OTHER
from tests.support.canary.visit import Visit

PATHS = ("/nothing/{}", "/items/{}", "/scans/{}", "/queues/{}/dead-letters/{}", "//assets/{}")
READERS = (
    "/items?limit={}",
    "/items?cursor={}",
    "/items?sort={}",
    "/items?kind={}",
    "/audit?from={}",
)
UNREAD = ("x-api-key", "proxy-authorization", "x-request-id", "traceparent", "baggage")


def short_word(name: str) -> str:
    """Return a value as long as a code may be."""
    return word_canary(name)[:40]


async def wrong_password(visit: Visit, value: str) -> None:
    for who in (ADMIN, "nobody"):
        body = {"username": who, "password": value}
        assert (await visit.ask("POST", "/auth/login", body))["status"] == 401


async def password_as_name(visit: Visit, value: str) -> None:
    """Type the password one field too early, until the account that is none is locked."""
    for _ in range(6):
        await visit.ask("POST", "/auth/login", {"username": value, "password": "x"})


async def wrong_shape(visit: Visit, value: str) -> None:
    for body in (
        {"username": ADMIN, "password": [value]},
        {"username": value * 2, "password": value},
        {"username": ADMIN, "password": value, "session": value, "code": value * 2},
        {"username": ADMIN, "password": value * 20},
        [value],
        value,
    ):
        assert (await visit.ask("POST", "/auth/login", body))["status"] == 422


async def password_as_field(visit: Visit, value: str) -> None:
    body = {"username": ADMIN, "password": "x", value: value}
    assert (await visit.ask("POST", "/auth/login", body))["status"] == 422


async def broken_json(visit: Visit, value: str) -> None:
    raw = f'{{"username": "{ADMIN}", "password": "{value}'.encode()
    assert (await visit.ask("POST", "/auth/login", raw=raw))["status"] == 422
    await visit.ask("POST", "/auth/login", raw=raw + b"\xff")
    form = {"content-type": "application/x-www-form-urlencoded"}
    sent = f"username={ADMIN}&password={quote(value)}".encode()
    await visit.ask("POST", "/auth/login", raw=sent, headers=form)


async def wrong_code(visit: Visit, value: str) -> None:
    password = visit.values["a password of one's own choice"]
    body = {"username": OTHER, "password": password, "code": value}
    assert (await visit.ask("POST", "/auth/login", body))["status"] == 401


async def strange_token(visit: Visit, value: str) -> None:
    for sent in (
        f"Bearer {value}",
        f"Bearer eyJhbGciOiJub25lIn0.{value}.",
        f"Basic {value}",
        value,
    ):
        answer = await visit.ask("GET", "/auth/me", headers={"authorization": sent})
        assert answer["status"] == 401


async def wandering_token(visit: Visit, value: str) -> None:
    """Send a token to what is open, to what is not there, and to the probes."""
    sent = {"authorization": f"Bearer {value}", "cookie": f"__Host-session={value}; id={value}"}
    for path in ("//", "//docs", "//health", "/license/status", "/nothing", "//nothing"):
        for method in ("GET", "DELETE"):
            await visit.ask(method, path, headers=sent)


async def token_in_query(visit: Visit, value: str) -> None:
    for path in ("/items", "/auth/login", "/nothing", "//", "//health"):
        for name in ("access_token", "sig", "q%5B%5D"):
            await visit.ask("GET", f"{path}?{name}={quote(value)}", who=ADMIN)


async def wrong_parameter(visit: Visit, value: str) -> None:
    for reader in READERS:
        answer = await visit.ask("GET", reader.format(value), who=ADMIN)
        assert answer["status"] in {400, 422}, reader


async def token_in_path(visit: Visit, value: str) -> None:
    for path in PATHS:
        for who in ("", ADMIN):
            written = quote(value, safe="")
            await visit.ask("GET", path.format(written, written), who=who)


async def token_as_method(visit: Visit, value: str) -> None:
    for path in ("/auth/me", "/nothing", "//"):
        await visit.ask(value, path)


async def strange_headers(visit: Visit, value: str) -> None:
    """Send headers that nobody reads, with something to do that leads to events and spans."""
    sent = dict.fromkeys(UNREAD, value) | {"baggage": f"token={value}"}
    await visit.ask("POST", "/permissions/check", who=ADMIN, headers=sent)
    await visit.ask("GET", "/items", who=ADMIN, headers=sent)


async def idempotency_key(visit: Visit, value: str) -> None:
    """Ask for a scan twice under one key, and for another thing under it, which is refused."""
    sent = {"idempotency-key": value}
    for mode in ("full", "full", "force"):
        answer = await visit.ask("POST", "/scans", {"mode": mode}, who=ADMIN, headers=sent)
    assert answer["status"] == 422
    visit.scans += 1
