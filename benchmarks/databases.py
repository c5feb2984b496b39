"""A PostgreSQL of the benchmark's own: migrated once, a fresh database for each measurement."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from benchmarks.processes import cpu_of_family
from shared.database import LOGIN_ROLES, Cluster
from shared.database.bootstrap import database_privileges
from shared.database.connect import OwnConnection, connect
from shared.database.migrator import migrate

TEMPLATE: Final = "template_benchmark"
PASSWORDS: Final = {role: f"{role}-of-a-benchmark" for role in LOGIN_ROLES}
# As a small server of a customer is set; durability stays on.
SETTINGS: Final = {"shared_buffers": "512MB", "max_wal_size": "4GB", "jit": "off"}


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database; "postgres" is the superuser."""

    name: str
    cluster: Cluster

    def url(self, role: str = "postgres") -> str:
        return self.cluster.url(self.name, role, PASSWORDS.get(role))

    @asynccontextmanager
    async def connection(self, role: str = "postgres") -> AsyncIterator[OwnConnection]:
        connection = await connect(self.url(role), f"benchmark as {role}")
        try:
            yield connection
        finally:
            await connection.close()

    def cpu(self) -> float:
        """Return the CPU seconds of the whole server so far."""
        return cpu_of_family(self.cluster.pid) if self.cluster.pid else 0.0


@asynccontextmanager
async def server() -> AsyncIterator[Cluster]:
    """Start a server in a folder of its own and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-", dir="/var/tmp") as folder:
        # root runs the server as somebody else, who must be able to enter
        Path(folder).chmod(0o711)
        with Cluster(Path(folder), settings=SETTINGS) as cluster:
            await migrate(cluster.url(TEMPLATE), PASSWORDS)
            yield cluster


@asynccontextmanager
async def fresh(cluster: Cluster) -> AsyncIterator[Database]:
    """Make a migrated database and drop it at the end."""
    database = Database(f"bench_{uuid4().hex}", cluster)
    await _execute(cluster, f"CREATE DATABASE {database.name} TEMPLATE {TEMPLATE}")
    try:
        async with database.connection() as connection:
            await database_privileges(connection)  # a template does not pass these on
        yield database
    finally:
        await _execute(cluster, f"DROP DATABASE {database.name} WITH (FORCE)")


async def _execute(cluster: Cluster, statement: str) -> None:
    connection = await connect(cluster.url("postgres"), "benchmark")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Writes:
    """What was written between two moments: rows by table and kind, and bytes of the log."""

    rows: Mapping[str, Mapping[str, int]]
    wal_bytes: int

    def since(self, before: "Writes") -> "Writes":
        """Return what was written after `before`; tables that were left alone are left out."""
        rows = {}
        for table, counts in self.rows.items():
            earlier = before.rows.get(table, {})
            grown = {kind: n - earlier.get(kind, 0) for kind, n in counts.items()}
            grown = {kind: n for kind, n in grown.items() if n}
            if grown:
                rows[table] = grown
        return Writes(rows, self.wal_bytes - before.wal_bytes)


async def writes(connection: OwnConnection) -> Writes:
    """Return what was written so far. Sessions count when they end: close them before."""
    rows = await connection.fetch(
        """
        SELECT schemaname || '.' || relname AS name, n_tup_ins AS inserted, n_tup_upd AS updated,
               n_tup_del AS deleted
          FROM pg_stat_user_tables
        """
    )
    lsn = await connection.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    kinds = ("inserted", "updated", "deleted")
    return Writes({row["name"]: {kind: row[kind] for kind in kinds} for row in rows}, int(lsn))
