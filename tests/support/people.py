"""Users as administrators add them, and as they sign in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.gateway import Gateway

USERS = "/api/v1/users"
LOGIN = "/api/v1/auth/login"
FIRST = "a first password from elsewhere"


@asynccontextmanager
async def signed_in(
    gateway: Gateway, username: str, password: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client with a bearer session of this user."""
    async with gateway.client("198.51.100.40") as http:
        answer = await http.post(LOGIN, json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield http


async def add(admin: httpx.AsyncClient, **more: Any) -> httpx.Response:
    body = {"username": "grace", "password": FIRST, "role": "operator", **more}
    return await admin.post(USERS, json=body)
