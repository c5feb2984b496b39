"""Tokens and cookies of every form: none that was not issued opens anything."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from services.gateway.adapters.tokens import LONGEST
from services.gateway.domain.role import Role
from tests.support.drawn import drawn
from tests.support.gateway import PAGE, PASSWORD, Gateway
from tests.support.refused import fits

ME = "/api/v1/auth/me"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CLAIMS = ("exp", "iat", "iss", "aud", "sub", "jti", "nbf", "role", "scope")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
headers = st.dictionaries(
    st.sampled_from(["alg", "typ", "kid", "jku", "jwk", "x5u", "crit", "b64", "zip", "cty"]),
    st.sampled_from(["none", "None", "HS256", "RS256", "EdDSA", "JWT", "../../keys", "'--"])
    | anything,
    min_size=1,
)


def b64(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True)
class Mint:
    """A token of a viewer, with the very key that signs them."""

    token: str
    key: Ed25519PrivateKey

    @property
    def header(self) -> dict[str, Any]:
        return jwt.get_unverified_header(self.token)

    @property
    def claims(self) -> dict[str, Any]:
        found: dict[str, Any] = jwt.decode(self.token, options={"verify_signature": False})
        return found

    def signed(self, header: object, claims: object) -> str:
        text = f"{b64(header)}.{b64(claims)}"
        return f"{text}.{b64(self.key.sign(text.encode()))}"


@pytest.fixture
async def mint(gateway: Gateway) -> Mint:
    token = await gateway.token(Role.VIEWER)
    private = gateway.parts.sign_in.tokens._newest.private_key  # type: ignore[attr-defined]
    return Mint(token, Ed25519PrivateKey.from_private_bytes(private))


async def ask(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.get(ME, headers={"authorization": b"Bearer " + token.encode("latin-1")})


def changed(token: str) -> st.SearchStrategy[str]:
    """Return the token with one letter of any part another, cut, or with something put in."""
    places = st.integers(0, len(token) - 1)
    texts = st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=5)
    return st.one_of(
        st.builds(
            lambda at, by: token[:at] + by + token[at + 1 :], places, st.sampled_from(LETTERS)
        ),
        st.builds(lambda at: token[:at], places),
        st.builds(lambda at, more: token[:at] + more + token[at:], places, texts),
        st.builds(lambda more: token + more, texts),
        st.permutations(token.split(".")).map(".".join),
    ).filter(lambda text: text.strip() != token)


async def test_a_token_that_differs_anywhere_opens_nothing(gateway: Gateway, mint: Mint) -> None:
    async with gateway.client() as http:
        for token in drawn(changed(mint.token)):
            fits(await ask(http, token), 401, sent=token, secret=token)
        assert (await ask(http, mint.token)).status_code == 200


async def test_one_signature_has_one_form_only(gateway: Gateway, mint: Mint) -> None:
    text, _, signature = mint.token.rpartition(".")
    same = jwt.utils.base64url_decode(signature)
    forms = {signature[:-1] + letter for letter in LETTERS} | {
        signature + "=" * n for n in (1, 2, 4)
    }
    forms |= {signature[:9] + junk + signature[9:] for junk in ("!", "%", "\xe9", "=", "~~")}
    async with gateway.client() as http:
        for form in forms - {signature}:
            answer = await ask(http, f"{text}.{form}")
            assert answer.status_code == 401, form

    assert b64(same) == signature
    assert len(gateway.parts.sign_in.tokens._verified) == 0  # type: ignore[attr-defined]


async def test_no_header_of_a_token_chooses_how_it_is_verified(
    gateway: Gateway, mint: Mint
) -> None:
    public = mint.key.public_key().public_bytes_raw()
    async with gateway.client() as http:
        for change in drawn(headers):
            header = {**mint.header, **change}
            unsigned = f"{b64(header)}.{b64(mint.claims)}."
            shared = jwt.encode(mint.claims, b64(public) * 2, "HS256", headers={"kid": "x"})
            for token in (unsigned, unsigned + "A" * 86, shared):
                fits(await ask(http, token), 401, sent=header, secret=token)
            # Signed with the right key: a header that changes nothing of it may pass.
            answer = await ask(http, mint.signed(header, mint.claims))
            fits(answer, 200 if names_us(header, mint) else 401, 401, sent=header)


def names_us(header: dict[str, Any], mint: Mint) -> bool:
    return all(header[name] == mint.header[name] for name in ("alg", "typ", "kid"))


async def test_whatever_a_signed_token_claims_it_opens_its_own_session_at_most(
    gateway: Gateway, mint: Mint
) -> None:
    other = jwt.decode(await gateway.token(Role.ADMIN), options={"verify_signature": False})
    times = st.sampled_from([0, -1, 10**30, 1e400, float("nan"), "0", True, None])
    ids = st.sampled_from([other["sub"], other["jti"], "admin", "\0", "\ud800"])
    changes = st.dictionaries(st.sampled_from(CLAIMS), anything | times | ids, min_size=1)
    async with gateway.client() as http:
        own = (await ask(http, mint.token)).json()
        for change in drawn(changes):
            answer = await ask(http, mint.signed(mint.header, {**mint.claims, **change}))
            fits(answer, 200, 401, sent=change)
            assert answer.status_code == 401 or answer.json() == own, change
        for claims in drawn(anything, 20):
            fits(await ask(http, mint.signed(mint.header, claims)), 401, sent=claims)


async def test_a_token_that_is_huge_or_nested_costs_a_refusal(gateway: Gateway, mint: Mint) -> None:
    deep = b"[" * 5000 + b"]" * 5000
    long = mint.signed(mint.header, {**mint.claims, "x": "y" * LONGEST})
    forms = [
        *(f"{b64(part)}.{b64(part)}.{'A' * 86}" for part in (deep, b'{"a":' * 3000, b"9" * 6000)),
        b64(b"\xff\xfe") + f".{b64(mint.claims)}.{'A' * 86}",
        "." * 5000,
        "ccp_" + "a" * 60_000,
        long,
    ]
    async with gateway.client() as http:
        for token in forms:
            fits(await ask(http, token), 401, sent=token[:40], secret=token)


async def cookie_of(gateway: Gateway) -> str:
    body = {"username": await gateway.add_user(Role.VIEWER), "password": PASSWORD}
    async with gateway.client() as http:
        answer = await http.post(
            "/api/v1/auth/login", json={**body, "session": "cookie"}, headers=PAGE
        )
    return str(answer.headers["set-cookie"].split(";")[0].partition("=")[2])


async def test_only_the_exact_name_once_is_the_sessions_cookie(gateway: Gateway) -> None:
    token = await cookie_of(gateway)
    name = "__Host-session"
    blanks = [chr(n) for n in (0x09, 0x0B, 0x0C, 0x1C, 0x1F, 0x85, 0xA0)]
    near = [name.lower(), "__Secure-session", "__Host-sessions", "session", f"${name}", f"{name}\0"]
    # A tab and a blank are what a browser may put between two cookies.
    near += [f"{blank}{name}" for blank in blanks[1:]] + [f"{name}{blank}" for blank in blanks]
    lines = [f"{other}={token}" for other in near]
    lines += [f"{name}={token}; {name}={token}", f"{name}=a; {name}={token}"]
    lines += [f'{name}="{token}"', f"{name}", f"={name}={token}", f"{name}=a={token}"]
    async with gateway.client() as http:
        for line in lines:
            answer = await http.get(ME, headers={"cookie": line.encode("latin-1")})
            fits(answer, 401, sent=line, secret=token)
        twice = [(b"cookie", f"{name}={token}".encode()), (b"cookie", f"{name}=x".encode())]
        assert (await http.get(ME, headers=twice)).status_code == 401
        for around in ("{}", "a=b; {}", "{};c=d", "a; {} ;\t", "x=\xff; {}"):
            line = around.format(f"{name}={token}")
            answer = await http.get(ME, headers={"cookie": line.encode("latin-1")})
            assert answer.status_code == 200, line


async def test_garbage_in_cookies_and_two_authorizations_are_nobodys(
    gateway: Gateway, mint: Mint
) -> None:
    lines = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
    right = b"Bearer " + mint.token.encode()
    async with gateway.client() as http:
        for line in [*drawn(lines), "a" * 60_000, "; " * 9000, "=" * 9000]:
            cookie = f"__Host-session={line}".encode("latin-1")
            fits(await http.get(ME, headers={"cookie": cookie}), 401, sent=line, secret=line)
            twice = [(b"authorization", right), (b"authorization", line.encode("latin-1"))]
            for pair in (twice, twice[::-1]):
                fits(await http.get(ME, headers=pair), 401, sent=line, secret=mint.token)
