"""Who may do what, cell by cell: every role, every schema, tried for real."""

from collections.abc import Mapping
from typing import Final

import asyncpg
import pytest

from shared.database import LOGIN_ROLES, SCHEMAS, SERVICES, wait_for_schema
from shared.database.catalogue import owner
from shared.database.grants import VIEW_GRANTS
from tests.support.database import Database

ATTEMPTS: Final[Mapping[str, str]] = {
    "select": "SELECT n FROM {schema}.probe",
    "insert": "INSERT INTO {schema}.probe VALUES (2)",
    "update": "UPDATE {schema}.probe SET n = n",
    "delete": "DELETE FROM {schema}.probe",
    "truncate": "TRUNCATE {schema}.probe",
    "create": "CREATE TABLE {schema}.mine (n integer)",
    "alter": "ALTER TABLE {schema}.probe ADD COLUMN m integer",
    "drop": "DROP TABLE {schema}.probe",
}
OWN: Final = ("select", "insert", "update", "delete")


async def may(connection: asyncpg.Connection, statement: str) -> bool:
    """Try a statement and take it back; only a refusal for want of rights counts as one."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    finally:
        await transaction.rollback()
    return True


async def add_probes(database: Database) -> None:
    """Give each schema a table that its owner made, as a migration would."""
    async with database.connection() as admin:
        for schema in SCHEMAS:
            await admin.execute(f"SET ROLE {owner(schema)}")
            await admin.execute(f"CREATE TABLE {schema}.probe (n integer)")
            await admin.execute("RESET ROLE")


@pytest.mark.parametrize("role", LOGIN_ROLES)
async def test_a_role_works_on_its_own_schema_and_on_no_other(
    database: Database, role: str
) -> None:
    await add_probes(database)
    expected = {
        (schema, what): schema == role and what in OWN for schema in SCHEMAS for what in ATTEMPTS
    }

    async with database.connection(role) as connection:
        found = {
            (schema, what): await may(connection, sql.format(schema=schema))
            for schema in SCHEMAS
            for what, sql in ATTEMPTS.items()
        }

    assert found == expected


def allowed(role: str, schema: str, table: str, kind: str) -> set[str]:
    """What `role` may do to an existing table or view, by the rules of the house."""
    name = f"{schema}.{table}"
    if table in ("schema_version", "schema_floor"):
        shared = schema not in SERVICES and role in SERVICES
        return {"SELECT"} if shared or role == schema else set()
    if kind == "v" and name in VIEW_GRANTS.get(role, ()):
        return {"SELECT"}
    if schema == role:
        return {"SELECT", "INSERT", "UPDATE", "DELETE"}
    if schema == "audit" and role == "gateway":
        return {"SELECT"}
    return set()


async def test_every_table_and_view_has_exactly_the_rights_of_the_rules(
    database: Database,
) -> None:
    async with database.connection() as admin:
        rows = await admin.fetch(
            """
            SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, r AS role,
                   array(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',
                                                    'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
                          WHERE has_table_privilege(r, c.oid, p)) AS rights
              FROM pg_class AS c
              JOIN pg_namespace AS n ON n.oid = c.relnamespace
             CROSS JOIN unnest($1::text[]) AS r
             WHERE n.nspname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            """,
            list(LOGIN_ROLES),
            list(SCHEMAS),
        )

    assert rows
    wrong = {
        (row["role"], f"{row['schema']}.{row['name']}"): row["rights"]
        for row in rows
        if set(row["rights"]) != allowed(row["role"], row["schema"], row["name"], row["kind"])
    }
    assert wrong == {}


async def test_column_rights_exist_on_the_audit_log_alone(database: Database) -> None:
    async with database.connection() as admin:
        rows = await admin.fetch(
            """
            SELECT DISTINCT n.nspname || '.' || c.relname AS name, a.attname AS column
              FROM pg_attribute AS a
              JOIN pg_class AS c ON c.oid = a.attrelid
              JOIN pg_namespace AS n ON n.oid = c.relnamespace
             WHERE a.attacl IS NOT NULL AND n.nspname = ANY ($1)
            """,
            list(SCHEMAS),
        )

    assert {row["name"] for row in rows} == {"audit.entry", "audit.checkpoint"}
    testimony = {"id", "xid", "at", "service"}
    assert not testimony & {r["column"] for r in rows if r["name"] == "audit.entry"}


@pytest.mark.parametrize("reader", SERVICES)
async def test_a_service_sees_other_schemas_only_through_granted_views(
    database: Database, reader: str
) -> None:
    views = {view for granted in VIEW_GRANTS.values() for view in granted}
    async with database.connection(reader) as connection:
        for view in sorted(views):
            schema = view.split(".", maxsplit=1)[0]
            expected = view in VIEW_GRANTS.get(reader, ()) or schema == reader
            assert await may(connection, f"SELECT count(*) FROM {view}") == expected, view  # noqa: S608 - names of our own


@pytest.mark.parametrize("role", LOGIN_ROLES)
async def test_nobody_may_step_out_of_the_house(database: Database, role: str) -> None:
    other = "scanner" if role != "scanner" else "gateway"
    async with database.connection(role) as connection:
        for statement in (
            "CREATE SCHEMA mine",
            "CREATE TABLE public.mine (n integer)",
            "CREATE TEMP TABLE mine (n integer)",
            "CREATE ROLE mine",
            f"ALTER ROLE {other} PASSWORD 'x'",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT rolpassword FROM pg_authid",
            "SET session_replication_role = replica",
            "SET ROLE postgres",
            f"SET ROLE {other}",
        ):
            assert not await may(connection, statement), statement


async def test_a_service_cannot_become_an_owner_and_the_migrator_can(database: Database) -> None:
    async with database.connection("scanner") as connection:
        assert not await may(connection, "SET ROLE scanner_owner")
    async with database.connection("migrator") as connection:
        assert await may(connection, "SET ROLE scanner_owner")


async def test_a_stranger_may_not_even_connect(database: Database) -> None:
    async with database.connection() as admin:
        await admin.execute("DROP ROLE IF EXISTS stranger")
        await admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(database.cluster.url(database.name, "stranger", "x"))
    finally:
        async with database.connection() as admin:
            await admin.execute("DROP ROLE stranger")


@pytest.mark.parametrize("schema", SERVICES)
async def test_functions_of_a_service_are_its_own(database: Database, schema: str) -> None:
    async with database.connection() as admin:
        await admin.execute(f"SET ROLE {owner(schema)}")
        await admin.execute(f"CREATE FUNCTION {schema}.probe() RETURNS int RETURN 1")
        await admin.execute("RESET ROLE")
        granted = {
            role: await admin.fetchval(
                "SELECT has_function_privilege($1, $2, 'EXECUTE')", role, f"{schema}.probe()"
            )
            for role in LOGIN_ROLES
            if role == schema
        }

    assert granted == {schema: True}
    for role in set(SERVICES) - {schema}:
        async with database.connection(role) as connection:
            assert not await may(connection, f"SELECT {schema}.probe()")


async def test_guard_rails_are_set_for_every_service(database: Database) -> None:
    for role in SERVICES:
        async with database.connection(role) as connection:
            shown = [
                await connection.fetchval(f"SHOW {name}")
                for name in (
                    "search_path",
                    "statement_timeout",
                    "lock_timeout",
                    "idle_in_transaction_session_timeout",
                )
            ]
        assert shown == [role, "30s", "5s", "1min"]


async def test_every_schema_stands_at_its_head_and_services_have_an_inbox(
    database: Database,
) -> None:
    for schema in SCHEMAS:
        async with database.pool(schema if schema in SERVICES else "scanner") as pool:
            await wait_for_schema(pool, schema)
    for service in SERVICES:
        async with database.connection(service) as connection:
            assert await may(connection, "SELECT message_id, handler, handled_at FROM inbox")
