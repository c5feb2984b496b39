"""The real gateway's process, and people who are signed in to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import httpx

from benchmarks.databases import Database
from benchmarks.processes import Child, child
from shared.ports import free_port

SCOPED: Final = "scoped"
START_SECONDS: Final = 60.0
_PASSWORD: Final = token_hex(12)
_COPY: Final = """
    INSERT INTO gateway.app_user (username, role, password_hash, created_at, scope)
    SELECT $1, 'viewer', u.password_hash, u.created_at, (
           SELECT coalesce('vault:' || string_agg(v.name, ','), '')
             FROM scanner.vault AS v WHERE v.id = ANY ($2::integer[]))
      FROM gateway.app_user AS u
     WHERE u.username = 'ada'
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway with a client of the administrator and one of the scoped user."""

    process: Child
    whole: httpx.AsyncClient
    scoped: httpx.AsyncClient
    port: int

    @property
    def token(self) -> str:
        """The administrator's Authorization header."""
        return str(self.whole.headers["authorization"])


@asynccontextmanager
async def gateway(
    database: Database, folder: Path, scoped_vaults: Sequence[int]
) -> AsyncIterator[Gateway]:
    """Run the gateway until the block ends."""
    port, internal = free_port(), free_port()
    token_file = folder / "setup-token"
    env = {
        "DATABASE_URL": database.url("gateway"),
        "BUS_URL": "",
        "SECRET_KEY": token_hex(32),
        "HTTP_PORT": str(port),
        "INTERNAL_PORT": str(internal),
        "SETUP_TOKEN_FILE": str(token_file),
        "REQUESTS_PER_MINUTE": "100000",
        "LOG_LEVEL": "WARNING",
        "LOGINS_PER_MINUTE": "1000",
    }
    url = f"http://127.0.0.1:{port}"
    async with (
        child("gateway", ["services.gateway"], folder, env) as process,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as whole,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as scoped,
    ):
        async with asyncio.timeout(START_SECONDS):
            while not await _answers(whole):
                process.ensure_alive()
                await asyncio.sleep(0.05)
        await _sign_in(whole, "ada", setup_token=token_file.read_text().strip())
        async with database.connection() as conn:
            await conn.execute(_COPY, SCOPED, list(scoped_vaults))
        await _sign_in(scoped, SCOPED)
        yield Gateway(process, whole, scoped, port)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/live")).is_success
    except httpx.HTTPError:
        return False


async def _sign_in(http: httpx.AsyncClient, username: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    body = {"username": username, "password": _PASSWORD, **more}
    answer = await http.post("/api/v1/auth/login", json=body)
    answer.raise_for_status()
    http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
