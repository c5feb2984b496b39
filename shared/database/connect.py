"""How a connection to PostgreSQL is made: TLS, deadlines, JSON."""

import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from shared.address import asks_for_proof
from shared.errors import SettingsError

CONNECT_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 30.0
_JSONB_VERSION: Final = b"\x01"
_FILES: Final = ("sslrootcert", "sslcert", "sslkey")

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

    A server elsewhere must prove by certificate who it is (`asks_for_proof`); one that does not is
    not connected to. Raises `SettingsError` for files of certificates that cannot be read.
    """
    options: dict[str, Any] = {
        "dsn": url,
        "timeout": CONNECT_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        # A day is 24 hours in every interval: no time zone of the server's has a say.
        "server_settings": {"application_name": name, "timezone": "UTC"},
    }
    if asks_for_proof(url):
        options["ssl"] = _proving(parse_qs(urlsplit(url).query))
    return options


def _proving(query: Mapping[str, Sequence[str]]) -> ssl.SSLContext:
    """Return what a server must fulfil: TLS 1.2, a certificate that is trusted, and its name."""
    authority, certificate, key = (query.get(name, [None])[-1] for name in _FILES)
    try:
        context = ssl.create_default_context(cafile=authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"DATABASE_URL: a file of {', '.join(_FILES)} cannot be used ({error.strerror})."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def prepare(connection: Connection) -> None:
    """Make `json` and `jsonb` columns Python values.

    In their binary form, which COPY needs as well: that of `jsonb` is a version, 1, and the text
    (PostgreSQL's `jsonb_recv`).
    """
    codecs = (("json", _encode, orjson.loads), ("jsonb", _encode_jsonb, _decode_jsonb))
    for kind, encoder, decoder in codecs:
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary"
        )


async def connect(url: str, name: str) -> OwnConnection:
    """Open one connection outside a pool."""
    connection: OwnConnection = await asyncpg.connect(**connect_options(url, name))
    await prepare(connection)
    return connection


def _encode(value: object) -> bytes:
    return orjson.dumps(value, default=_plain)


def _encode_jsonb(value: object) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value, default=_plain)


def _decode_jsonb(written: bytes) -> Any:  # noqa: ANN401 - any JSON
    return orjson.loads(memoryview(written)[len(_JSONB_VERSION) :])


def _plain(value: object) -> str:
    """Encode asyncpg's own kind of UUID, which orjson does not know."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError
