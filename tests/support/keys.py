"""What a change of SECRET_KEY is tested with: power cuts, held rows, and people who sign in."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import asyncpg
from pyotp.totp import TOTP

from services.cli.settings import environment
from services.gateway.domain.role import Role
from services.gateway.steps.keys import load_signing_keys, open_keyring
from services.gateway.steps.secret_keys import SecretKeys
from services.gateway.store.keys import read_keyring
from shared.database import Connection, Pool
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, TestClock, running_gateway
from tests.support.waiting import eventually

LOGIN = "/api/v1/auth/login"
FACTOR = "/api/v1/auth/second-factor"
PURPOSES = ("audit", "data", "fingerprint", "session")
PROBE = "which key is this?"
# What encrypts a row anew waits while the test holds the row's lock; the row is written by then.
HOLD = """
CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(to_jsonb(NEW) ->> TG_ARGV[0]));
  RETURN NEW;
END $$;
CREATE TRIGGER hold AFTER UPDATE OF wrapped ON gateway.keyring
   FOR EACH ROW EXECUTE FUNCTION public.hold('purpose');
CREATE TRIGGER hold AFTER UPDATE OF secret ON gateway.second_factor
   FOR EACH ROW EXECUTE FUNCTION public.hold('user_id');
CREATE TRIGGER hold AFTER UPDATE OF private_key ON gateway.signing_key
   FOR EACH ROW EXECUTE FUNCTION public.hold('kid');
"""


class PowerCutError(Exception):
    """Everything ends here."""


@dataclass
class FailingPool:
    """A pool whose power is cut after so many steps: statements, commits, and between them."""

    pool: Pool
    left: int

    def step(self) -> None:
        if self.left == 0:
            raise PowerCutError
        self.left -= 1

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        async with self.pool.acquire() as conn:
            yield conn

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self.pool.transaction() as conn:
            yield FailingConnection(conn, self.step)
            self.step()
        self.step()


@dataclass
class FailingConnection:
    """A connection that may fail before each statement and after it."""

    conn: Connection
    step: Callable[[], None]

    async def fetch(self, *sql: Any) -> Any:
        return await self._stepping("fetch", *sql)

    async def fetchrow(self, *sql: Any) -> Any:
        return await self._stepping("fetchrow", *sql)

    async def execute(self, *sql: Any) -> Any:
        return await self._stepping("execute", *sql)

    async def _stepping(self, how: str, *sql: Any) -> Any:
        self.step()
        found = await getattr(self.conn, how)(*sql)
        self.step()
        return found


async def start(pool: Pool, *secrets: str) -> Mapping[str, bytes]:
    """Open everything as a start does, and return what tells the keys apart."""
    clock = TestClock()
    keys = SecretKeys(*secrets)
    keyring = await open_keyring(pool, keys, clock)
    assert await load_signing_keys(pool, keyring.session, clock)
    async with pool.acquire() as conn:
        opened = keys.open_all(await read_keyring(conn))
    return {str(name): one.key.fingerprint(PROBE) for name, one in opened.items()}


@dataclass
class Grace:
    """Somebody with a second factor: each sign-in decrypts its secret."""

    clock: TestClock
    secret: str
    name: str
    signed_in: int = 0
    one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def enrolled(cls, gateway: Gateway, name: str = "grace") -> "Grace":
        await gateway.add_user(Role.OPERATOR, name)
        async with gateway.client() as http:
            answer = await http.post(LOGIN, json={"username": name, "password": PASSWORD})
            http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
            secret = (await http.post(FACTOR)).json()["secret"]
            code = TOTP(secret).at(gateway.clock())
            assert (await http.post(f"{FACTOR}/confirm", json={"code": code})).is_success
        return cls(gateway.clock, secret, name)

    async def sign_in(self, gateway: Gateway) -> None:
        """Sign in with the code of a new time step, from a network of its own."""
        async with self.one_by_one:
            self.clock.forward(seconds=30)
            self.signed_in += 1
            high, low = divmod(self.signed_in, 250)
            async with gateway.client(f"203.0.{high}.{low + 1}") as http:
                code = TOTP(self.secret).at(self.clock())
                body = {"username": self.name, "password": PASSWORD, "code": code}
                answer = await http.post(LOGIN, json=body)
                assert answer.status_code == 200, answer.text
                http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
                assert (await http.get("/api/v1/auth/me")).status_code == 200


@dataclass
class Load:
    """A replica that runs all the time, replicas that start anew, and Grace on each of them."""

    database: Database
    folder: Path
    running: Gateway
    grace: Grace
    secrets: Mapping[str, str]
    started: int = 0

    async def once(self) -> None:
        """Start a replica and sign in there, and on the one that runs."""
        folder = self.folder / token_hex(4)
        folder.mkdir()
        async with running_gateway(
            self.database, folder, clock=self.grace.clock, **self.secrets
        ) as fresh:
            await self.grace.sign_in(fresh)
            self.started += 1
        await self.grace.sign_in(self.running)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Do so without a pause while the block runs; whatever fails, fails the test."""

        async def always() -> None:
            while True:
                await self.once()

        task = asyncio.create_task(always())
        try:
            yield
        finally:
            failed = task.done()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert not failed


async def certifyclouds(*words: str, **variables: str) -> asyncio.subprocess.Process:
    """Start the command as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services", *words),
        env={**environment(), **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def rotate_command(
    database: Database, *more: str, **variables: str
) -> asyncio.subprocess.Process:
    """Start a rotation as the gateway's role."""
    url = database.url("gateway")
    return await certifyclouds("keys", "rotate", *more, DATABASE_URL=url, **variables)


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    """Return a process's code, output and errors."""
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def killed_at(
    database: Database, row: str, *words: str, **variables: str
) -> AsyncIterator[asyncpg.Connection]:
    """Stop a rotation inside this row's transaction, let the block run, then kill -9."""
    async with database.connection() as conn:
        await conn.execute("SELECT pg_advisory_lock(hashtext($1))", row)
        process = await rotate_command(database, *words, **variables)

        async def held() -> bool:
            assert process.returncode is None, await ended(process)
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            return bool(await conn.fetchval(waiting))

        await eventually(held, seconds=60, pause=0.02)
        try:
            yield conn
        finally:
            os.kill(process.pid, 9)
            await process.communicate()
            await conn.execute("SELECT pg_advisory_unlock_all()")

        async def forgotten() -> bool:
            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            return not await conn.fetchval(held)

        await eventually(forgotten, seconds=20, pause=0.02)
