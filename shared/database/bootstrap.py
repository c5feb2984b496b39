"""Roles, schemas and what everybody may do: the part of a migration that an administrator runs.

It works as a superuser and as an administrator with CREATEROLE and CREATEDB only (Azure), and may
be run again and again.
"""

from collections.abc import Mapping
from typing import Final

import asyncpg

from shared.database.catalogue import LOGIN_ROLES, MIGRATOR, SCHEMAS, SERVICES, owner
from shared.database.connect import Connection
from shared.database.scram import verifier
from shared.errors import SettingsError

# Guard-rails against our own mistakes, not security: a role may change them for its session.
_ROLE_SETTINGS: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    # Every statement is short, or may take its time: to begin helpers, or to compile, costs more
    # milliseconds than a page may take.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
_CONNECTION_LIMIT: Final = 40


async def may_bootstrap(connection: Connection) -> bool:
    """Say whether the connected role may make roles; `migrator` may not."""
    return bool(
        await connection.fetchval(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
    )


async def check_bootstrapped(connection: Connection) -> None:
    """Raise `SettingsError` when an administrator has not prepared this database yet."""
    found = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)", list(SCHEMAS)
    )
    missing = set(SCHEMAS) - {row["nspname"] for row in found}
    if missing:
        raise SettingsError(
            f"The schemas {', '.join(sorted(missing))} are missing and this role may not make them."
            " Run `certifyclouds migrate` once with an administrator's URL (CREATEROLE, CREATEDB)."
        )


async def bootstrap(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Make or correct roles, schemas, default privileges and settings, in one transaction.

    A role without an entry in `passwords` gets no password: it signs in by other means (Entra).
    """
    async with connection.transaction():
        await _roles(connection, passwords)
        await database_privileges(connection)
        for schema in SCHEMAS:
            await _schema(connection, schema)


async def database_privileges(connection: Connection) -> None:
    """Let our roles, and nobody else, connect to the current database."""
    name = await connection.fetchval("SELECT current_database()")
    await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in LOGIN_ROLES:
        await _run(connection, "GRANT CONNECT ON DATABASE %I TO %I", name, role)


async def _roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    known = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    for role in LOGIN_ROLES:
        if role not in known:
            await _run(connection, "CREATE ROLE %I LOGIN", role)
        await _run(connection, f"ALTER ROLE %I CONNECTION LIMIT {_CONNECTION_LIMIT:d}", role)
        if role in passwords:
            await _run(connection, "ALTER ROLE %I PASSWORD %L", role, verifier(passwords[role]))
    for service in SERVICES:
        await _run(connection, "ALTER ROLE %I SET search_path = %I", service, service)
        for name, value in _ROLE_SETTINGS.items():
            await _run(connection, "ALTER ROLE %I SET %I = %L", service, name, value)
    for schema in SCHEMAS:
        role = owner(schema)
        if role not in known:
            await _run(connection, "CREATE ROLE %I NOLOGIN", role)
        # The creator of a role may administer it, but not act as it before it says so.
        await _run(connection, "GRANT %I TO CURRENT_USER WITH SET TRUE, INHERIT FALSE", role)
        await _run(connection, "GRANT %I TO %I WITH SET TRUE, INHERIT FALSE", role, MIGRATOR)


async def _schema(connection: Connection, schema: str) -> None:
    """Make `schema`. In a service's schema its own role may read and write; nothing more."""
    await _run(connection, "CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", schema, owner(schema))
    await _run(connection, "SET LOCAL ROLE %I", owner(schema))
    # Without a schema: only this form takes away the right that PUBLIC has from the start.
    await connection.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    for reader in (schema,) if schema in SERVICES else SERVICES:
        await _run(connection, "GRANT USAGE ON SCHEMA %I TO %I", schema, reader)
    if schema in SERVICES:
        for grant in (
            "SELECT, INSERT, UPDATE, DELETE ON TABLES",
            "USAGE, SELECT ON SEQUENCES",
            "EXECUTE ON FUNCTIONS",
        ):
            template = f"ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT {grant} TO %I"
            await _run(connection, template, schema, schema)
    await connection.execute("RESET ROLE")


async def _run(connection: Connection, template: str, *names: str) -> None:
    """Execute `template` with its %I and %L filled and quoted by the server itself."""
    statement = await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", template, names)
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise SettingsError(
            f"The administrator's role may not do this: {template.split('%', 1)[0].strip()} …"
            f" ({error}). It needs CREATEROLE, and it must own the database."
        ) from error
