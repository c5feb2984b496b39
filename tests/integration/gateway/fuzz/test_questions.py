"""Cursors, filters and selectors of every form, by somebody who sees one vault of two."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st

from services.gateway.domain.cursor import LONGEST
from services.gateway.domain.filters import SortKey
from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from shared.selector import parse_scope
from tests.support.drawn import drawn
from tests.support.gateway import PASSWORD, Gateway
from tests.support.refused import fits

ITEMS = "/api/v1/items"
LISTS = [
    ITEMS,
    f"{ITEMS}?sort=name",
    f"{ITEMS}?sort=-changed_at",
    "/api/v1/vaults",
    "/api/v1/changes",
    "/api/v1/scans",
    "/api/v1/alerts",
    "/api/v1/outbox",
]
MINE = {"n0", "n2", "n4"}
texts = st.text(st.characters(codec="utf-8"), max_size=40)
words = st.sampled_from(["kv-web", "2", "sub-b", "secret", "n1", "env:prod", "'", "%", "*", "\0"])
questions = st.dictionaries(
    st.sampled_from(["kind", "status", "vault", "subscription", "tag", "q", "managed", "sort"])
    | st.sampled_from(["count", "limit", "cursor", "scope", "vault_id", "offset", "fields"]),
    words | texts | st.lists(words, max_size=60).map(",".join),
    min_size=1,
    max_size=4,
)
selectors = st.one_of(
    texts,
    st.lists(
        st.sampled_from(["sub:", "vault:", "-tag:", "source:", "name:", ",", " ", '"', "\\", "a*"])
        | st.sampled_from(["/(a+)+$/", "*" * 50, "=", ":", "-", "sub:*", "vault:kv-web"]),
        max_size=40,
    ).map("".join),
)


@pytest.fixture
async def reader(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer who sees the vault with the even items."""
    token = await gateway.token(Role.VIEWER)
    gateway.see(lambda it: Scope(vault_ids=frozenset({1})) if it.role is Role.VIEWER else None)
    async with gateway.client(authorization=f"Bearer {token}") as http:
        yield http


def kept_to_scope(answer: httpx.Response, sent: object) -> None:
    """Assert a refusal, or rows and a count of the reader's vault alone."""
    fits(answer, 200, 422, sent=sent)
    if answer.status_code == 200:
        document: dict[str, Any] = answer.json()
        assert {row["name"] for row in document["data"]} <= MINE, sent
        assert (document["meta"]["total"] or 0) <= len(MINE), sent


async def test_no_question_leads_out_of_a_scope(reader: httpx.AsyncClient) -> None:
    for question in drawn(questions):
        kept_to_scope(await reader.get(ITEMS, params=question), question)
        vaults = await reader.get("/api/v1/vaults", params=question)
        fits(vaults, 200, 422, sent=question)
        if vaults.status_code == 200:
            assert {row["name"] for row in vaults.json()["data"]} <= {"KV-Pay"}, question


async def test_anothers_cursor_continues_within_ones_own_scope(
    gateway: Gateway, reader: httpx.AsyncClient
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        for sort in [*SortKey, *(f"-{key}" for key in SortKey)]:
            for limit in range(1, 6):
                params = {"sort": sort, "limit": str(limit)}
                cursor = (await admin.get(ITEMS, params=params)).json()["meta"]["next_cursor"]
                answer = await reader.get(ITEMS, params={**params, "cursor": cursor})
                kept_to_scope(answer, (sort, limit))
                swapped = {"sort": "name" if sort != "name" else "expires_on", "cursor": cursor}
                fits(await reader.get(ITEMS, params=swapped), 422, sent=swapped)


def bent(cursor: str) -> st.SearchStrategy[str]:
    """Return a cursor with a bit of what is in it turned, cut, or with more behind it."""
    data = base64.urlsafe_b64decode(cursor + "==")

    def turned(at: int) -> str:
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        return base64.urlsafe_b64encode(changed).decode().rstrip("=")

    return st.one_of(
        st.integers(0, len(data) * 8 - 1).map(turned),
        st.integers(0, len(cursor) - 1).map(lambda at: cursor[:at]),
        texts.map(lambda text: cursor + text),
        texts,
    )


async def test_a_cursor_with_any_bit_turned_is_refused_or_stays_in_scope(
    gateway: Gateway, reader: httpx.AsyncClient
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        first = (await admin.get(ITEMS, params={"limit": "2"})).json()
    for cursor in drawn(bent(first["meta"]["next_cursor"])):
        kept_to_scope(await reader.get(ITEMS, params={"cursor": cursor}), cursor)


async def test_every_list_refuses_a_cursor_that_it_did_not_give(
    gateway: Gateway, reader: httpx.AsyncClient
) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")
    async with await gateway.signed_in(Role.ADMIN) as admin:
        named = (await admin.get(f"{ITEMS}?sort=name&limit=1")).json()["meta"]["next_cursor"]
    for path in LISTS:
        given = [deep, "A" * LONGEST, "A" * (LONGEST + 1), "\xff", *drawn(texts, 15)]
        given += [] if path.endswith("sort=name") else [named]
        for cursor in filter(None, given):
            params = httpx.URL(path).params.set("cursor", cursor)
            fits(await reader.get(path.partition("?")[0], params=params), 422, sent=(path, cursor))


async def test_a_selector_is_read_or_refused_at_its_place_and_never_widens_a_scope(
    gateway: Gateway,
) -> None:
    name = await gateway.add_user(Role.OPERATOR)
    scope = "vault:kv-pay"
    await gateway.pool.execute("UPDATE gateway.app_user SET scope = $1", scope)
    login = {"username": name, "password": PASSWORD}
    long = [" ".join(["sub:a"] * 300), ",".join(["sub:a"] * 101), "tag:" + "a" * 1990 + "=b"]
    async with gateway.client() as http:
        token = (await http.post("/api/v1/auth/login", json=login)).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        for selector in [*drawn(selectors), *long, "(" * 1000, "-" * 1000, "sub:" + "\\" * 1000]:
            answer = await http.post("/api/v1/scans", json={"selector": selector})
            fits(answer, 202, 422, sent=selector)
    rows = await gateway.pool.fetch("SELECT selector FROM gateway.scan_request")

    asked = {str(parse_scope(row["selector"])).split(" ")[0] for row in rows}
    assert asked == {scope}
