"""Headers that lie about who calls and whom: they choose no address, no limit and no origin."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import strategies as st

from services.gateway.domain.role import Role
from tests.support.database import Database
from tests.support.drawn import drawn
from tests.support.gateway import PASSWORD, Gateway, running_gateway
from tests.support.refused import fits

PEER = "198.51.100.7"
ITEMS = "/api/v1/items"
LOGIN = "/api/v1/auth/login"
hops = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(
        [
            "",
            PEER,
            "127.0.0.1",
            "0.0.0.0",
            "::1",
            "198.51.100.7:80",
            "[2001:db8::1]:443",
            "fe80::1%eth0",
            "2001:db8::%one",
            "::ffff:127.0.0.1",
            "1.2.3.4%lo",
            "999.1.1.1",
            "0x7f.1",
            "010.0.0.1",
            "unknown",
            "_hidden",
            "\xb2.1.1.1",
            "' OR 1=1 --",
            "9" * 400,
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
)
lines = st.lists(hops, max_size=4).map(", ".join)
forwarded = st.lists(lines, min_size=1, max_size=3) | lines.map(lambda line: [line] * 100)


def many(name: str, values: list[str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for value in values]


async def limited(gateway: Gateway) -> set[str]:
    """Return the networks whose requests were counted."""
    rows = await gateway.pool.fetch("SELECT key FROM gateway.rate_bucket")
    return {row["key"].partition("/")[2] for row in rows if row["key"].startswith("network/")}


async def test_a_strangers_forwarded_headers_choose_nobodys_limit(gateway: Gateway) -> None:
    async with gateway.client(PEER) as http:
        for values in [*drawn(forwarded), [", ".join(["1.2.3.4"] * 100)], ["1.2.3.4"] * 100]:
            names = ("x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "client-ip")
            sent = [pair for name in names for pair in many(name, values)]
            fits(await http.get(ITEMS, headers=sent), 401, sent=values)

    assert await limited(gateway) == {PEER}


async def test_behind_a_proxy_every_line_ends_in_a_plain_address(
    database: Database, tmp_path: Path
) -> None:
    settings = {"trusted_proxies": "198.51.100.0/24", "requests_per_minute": 100_000}
    async with running_gateway(database, tmp_path, **settings) as gateway:
        headers = {"authorization": f"Bearer {await gateway.token(Role.VIEWER)}"}
        async with gateway.client(PEER) as http:
            for values in [*drawn(forwarded), ["2001:db8::%one"], ["fe80::1%eth0"]]:
                sent = many("x-forwarded-for", values)
                fits(await http.get(ITEMS, headers=sent), 401, sent=values)
                refused = await http.post("/api/v1/scans", headers=[*sent, *headers.items()])  # type: ignore[list-item]
                fits(refused, 403, sent=values)
        rows = await gateway.pool.fetch("SELECT DISTINCT address FROM audit.entry")
        networks = await limited(gateway)

    addresses = {row["address"] for row in rows if row["address"]}
    assert all(ip_network(network) for network in networks)
    assert {str(ip_address(address)) for address in addresses} == addresses
    assert not any("%" in text for text in networks | addresses)


HOSTS = [
    "",
    "evil.example",
    "certify.test@evil.example",
    "user:pass@certify.test",
    "certify.test:99999999",
    "certify.test:x",
    "[",
    "[::1]",
    "[::1%25eth0]:80",
    "a" * 3000,
    "http://evil.example/",
    "evil.example/api/v1",
    "\xff\xfe",
    "xn--80ak6aa92e.com",
    "..",
    "certify.test, evil.example",
]


async def cookie(gateway: Gateway) -> str:
    body = {"username": await gateway.add_user(Role.ADMIN), "password": PASSWORD}
    headers = {"sec-fetch-site": "same-origin"}
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json={**body, "session": "cookie"}, headers=headers)
    return str(answer.headers["set-cookie"].partition(";")[0])


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "x-forwarded-proto"])
async def test_no_host_header_is_repeated_or_makes_a_foreign_page_our_own(
    gateway: Gateway, name: str
) -> None:
    signed_in = await cookie(gateway)
    texts = st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=13, max_size=40)
    async with gateway.client() as http:
        for host in [*HOSTS, *drawn(texts, 20)]:
            value = {name: host.encode("latin-1")}
            health = await http.get("/health", headers=value)
            assert health.status_code == 200, host
            nobody = await http.get(ITEMS, headers=value)
            fits(nobody, 401, sent=host, secret=host)
            foreign = await http.post(
                "/api/v1/scans",
                json={},
                headers={**value, "cookie": signed_in, "origin": "https://elsewhere.example"},
            )
            fits(foreign, 403, sent=host, secret=host)


async def test_a_page_of_the_same_origin_is_known_by_all_of_it(gateway: Gateway) -> None:
    signed_in = await cookie(gateway)
    ours = "http://certify.test"
    near = [
        "null",
        "",
        "http://certify.test.evil.example",
        "http://evil-certify.test",
        "https://certify.test",
        f"{ours}:8080",
        f"{ours}/",
        f"{ours} http://evil.example",
        f"http://evil.example, {ours}",
        f"{ours}@evil.example",
    ]
    async with gateway.client() as http:
        for origin in [
            *near,
            *drawn(st.text(st.characters(codec="ascii", exclude_categories=["C"])), 20),
        ]:
            headers = {"cookie": signed_in, "origin": origin.strip()}
            fits(await http.post("/api/v1/scans", json={}, headers=headers), 403, sent=origin)
            two = [*headers.items(), ("origin", ours)]
            fits(await http.post("/api/v1/scans", json={}, headers=two), 403, sent=origin)
        own = await http.post(
            "/api/v1/scans", json={}, headers={"cookie": signed_in, "origin": ours}
        )

    assert own.status_code == 202
