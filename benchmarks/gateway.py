"""The real gateway's process, and people who are signed in to it.

`python -m benchmarks.gateway` runs it as `python -m services.gateway` does, but that the user
`scoped` sees the vaults named in `SCOPED_VAULTS` only: until roles have scopes, nobody else could.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import httpx

from benchmarks.databases import Database
from benchmarks.processes import Child, child
from services.cli.settings import environment
from services.gateway.app import build
from services.gateway.domain.scope import Scope
from services.gateway.domain.session import Session
from services.gateway.settings import Settings
from shared.ports import free_port
from shared.service import run_service

SCOPED: Final = "scoped"
START_SECONDS: Final = 60.0
_PASSWORD: Final = token_hex(12)
_COPY: Final = """
    INSERT INTO gateway.app_user (username, role, password_hash, created_at)
    SELECT $1, 'viewer', password_hash, created_at FROM gateway.app_user WHERE username = 'ada'
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway with a client of the administrator and one of the scoped user."""

    process: Child
    whole: httpx.AsyncClient
    scoped: httpx.AsyncClient


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
        "SCOPED_VAULTS": ",".join(map(str, scoped_vaults)),
    }
    url = f"http://127.0.0.1:{port}"
    async with (
        child("gateway", ["benchmarks.gateway"], folder, env) as process,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as whole,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as scoped,
    ):
        async with asyncio.timeout(START_SECONDS):
            while not await _answers(whole):
                process.ensure_alive()
                await asyncio.sleep(0.05)
        await _sign_in(whole, "ada", setup_token=token_file.read_text().strip())
        async with database.connection() as conn:
            await conn.execute(_COPY, SCOPED)
        await _sign_in(scoped, SCOPED)
        yield Gateway(process, whole, scoped)


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


def _scope_of(scope: Scope, session: Session) -> Scope | None:
    return scope if session.username == SCOPED else None


def main() -> int:
    vaults = environment().get("SCOPED_VAULTS", "").split(",")
    scope = Scope(vault_ids=frozenset(int(vault) for vault in vaults if vault))
    scoped_build = partial(build, scope_of=partial(_scope_of, scope))
    return run_service("gateway", Settings, scoped_build)


if __name__ == "__main__":
    sys.exit(main())
