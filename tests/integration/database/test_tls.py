"""PostgreSQL over TLS: who cannot prove who it is, is not connected to."""

import ssl
from pathlib import Path

import asyncpg
import pytest

from sandbox import pki
from shared.database import create_pool
from shared.database.connect import connect
from shared.errors import TransientError
from tests.support.database import Database
from tests.support.postgres_tls import front

ELSEWHERE = "127.0.0.2"  # on this machine, but a name that no certificate and no exception knows


@pytest.fixture
def listener(tmp_path: Path) -> pki.Listener:
    """A certificate for 127.0.0.1 and the authority that it is from."""
    return pki.ensure(tmp_path / "pki")


def serving(listener: pki.Listener) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(listener.certificate_file, listener.key_file)
    return tls


def url_at(database: Database, host: str, port: int, options: str) -> str:
    there = f"127.0.0.1:{database.cluster.port}"
    return database.url().replace(there, f"{host}:{port}") + options


async def test_a_server_that_proves_who_it_is_is_connected_to(
    database: Database, listener: pki.Listener
) -> None:
    async with front(database.cluster.port, serving(listener), "127.0.0.1") as port:
        options = f"?sslmode=verify-full&sslrootcert={listener.ca_file}"
        connection = await connect(url_at(database, "127.0.0.1", port, options), "test")
        tls = connection._transport.get_extra_info("ssl_object")
        answer = await connection.fetchval("SELECT 1")
        await connection.close()

    assert answer == 1
    assert tls.version() in {"TLSv1.2", "TLSv1.3"}


@pytest.mark.parametrize(
    ("host", "options"),
    [
        ("127.0.0.1", "?sslmode=verify-full"),
        (ELSEWHERE, ""),
        (ELSEWHERE, "?sslrootcert={authority}"),
        ("127.0.0.1", "?sslmode=verify-full&sslrootcert={other}"),
    ],
    ids=["unknown authority", "nothing said of TLS", "another name", "another authority"],
)
async def test_a_certificate_that_proves_nothing_is_no_connection(
    database: Database, listener: pki.Listener, tmp_path: Path, host: str, options: str
) -> None:
    other = pki.ensure(tmp_path / "other").ca_file
    async with front(database.cluster.port, serving(listener), host) as port:
        given = options.format(authority=listener.ca_file, other=other)
        url = url_at(database, host, port, given)
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(url, "test")
        pool = await create_pool(url, service="scanner")
        with pytest.raises(TransientError, match="certificate"):
            await pool.fetchval("SELECT 1")
        await pool.close()


async def test_a_server_without_tls_is_no_connection_either(
    database: Database, listener: pki.Listener
) -> None:
    async with front(database.cluster.port, None, ELSEWHERE) as port:
        url = url_at(database, ELSEWHERE, port, f"?sslrootcert={listener.ca_file}")
        with pytest.raises(ConnectionError, match="SSL"):
            await connect(url, "test")


async def test_a_server_that_speaks_only_old_tls_is_no_connection(
    database: Database, listener: pki.Listener
) -> None:
    old, lenient = serving(listener), ssl.create_default_context(cafile=listener.ca_file)
    for tls in (old, lenient):
        tls.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with front(database.cluster.port, old, "127.0.0.1") as port:
        options = f"?sslmode=verify-full&sslrootcert={listener.ca_file}"
        url = url_at(database, "127.0.0.1", port, options)
        connection = await asyncpg.connect(url, ssl=lenient)
        await connection.close()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await connect(url, "test")
