"""How a connection to PostgreSQL is made: TLS, deadlines, JSON."""

import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

CONNECT_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 30.0
_LOOPBACK: Final = ("", "localhost", "127.0.0.1", "::1")

if TYPE_CHECKING:
    OwnConnection = asyncpg.Connection[asyncpg.Record]
    Connection = OwnConnection | PoolConnectionProxy[asyncpg.Record]
    RawPool = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes are generic in its stubs only
    OwnConnection = asyncpg.Connection
    Connection = asyncpg.Connection | PoolConnectionProxy
    RawPool = asyncpg.Pool


def connect_options(url: str, name: str) -> dict[str, Any]:
    """Return the options that every connection has; `name` is what the server shows for it.

    A server elsewhere must prove by certificate who it is, unless the URL says `sslmode` itself.
    """
    options: dict[str, Any] = {
        "dsn": url,
        "timeout": CONNECT_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        # A day is 24 hours in every interval: no time zone of the server's has a say.
        "server_settings": {"application_name": name, "timezone": "UTC"},
    }
    parts = urlsplit(url)
    local = (parts.hostname or "") in _LOOPBACK
    if not local and "sslmode" not in parse_qs(parts.query):
        options["ssl"] = ssl.create_default_context()
    return options


async def prepare(connection: Connection) -> None:
    """Make `json` and `jsonb` columns Python values."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_encode, decoder=orjson.loads
        )


async def connect(url: str, name: str) -> OwnConnection:
    """Open one connection outside a pool."""
    connection: OwnConnection = await asyncpg.connect(**connect_options(url, name))
    await prepare(connection)
    return connection


def _encode(value: object) -> str:
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: object) -> str:
    """Encode asyncpg's own kind of UUID, which orjson does not know."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError
