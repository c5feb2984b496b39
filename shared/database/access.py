"""Applying the reviewed table of view grants, and guarding the version tables."""

from collections.abc import Collection, Mapping

from shared.database.catalogue import SERVICES, owner
from shared.database.connect import Connection
from shared.database.grants import VIEW_GRANTS
from shared.errors import SchemaError


async def apply_view_grants(
    connection: Connection,
    schemas: Collection[str],
    grants: Mapping[str, tuple[str, ...]] = VIEW_GRANTS,
) -> None:
    """Make the rights across the borders of `schemas` exactly what `grants` says.

    Raises `SchemaError` when a view that is named there does not exist.
    """
    async with connection.transaction():
        for schema in SERVICES:
            if schema not in schemas:
                continue
            wanted = {
                (reader, view)
                for reader, views in grants.items()
                for view in views
                if view.startswith(f"{schema}.")
            }
            await _check(connection, schema, {view for _, view in wanted})
            await _apply(connection, schema, wanted)


async def _check(connection: Connection, schema: str, views: set[str]) -> None:
    rows = await connection.fetch(
        "SELECT schemaname || '.' || viewname AS name FROM pg_views WHERE schemaname = $1", schema
    )
    missing = views - {row["name"] for row in rows}
    if missing:
        raise SchemaError(
            "shared/database/grants.py grants views that do not exist:"
            f" {', '.join(sorted(missing))}. Create them in the schema's migration or take them"
            " out of the table."
        )


async def _apply(connection: Connection, schema: str, wanted: set[tuple[str, str]]) -> None:
    others = ", ".join(service for service in SERVICES if service != schema)
    await connection.execute(f'SET LOCAL ROLE "{owner(schema)}"')
    await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {others}")
    await connection.execute(f"REVOKE ALL ON SCHEMA {schema} FROM {others}")
    for reader, view in sorted(wanted):
        await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {reader}")
        await connection.execute(f"GRANT SELECT ON {view} TO {reader}")
    await connection.execute("RESET ROLE")


async def protect_version_tables(connection: Connection, schema: str) -> None:
    """Let services read at which migration a schema stands, and nobody but its owner write it."""
    readers = schema if schema in SERVICES else ", ".join(SERVICES)
    tables = f"{schema}.schema_version, {schema}.schema_floor"
    async with connection.transaction():
        await connection.execute(f'SET LOCAL ROLE "{owner(schema)}"')
        await connection.execute(f"REVOKE ALL ON {tables} FROM {readers}")
        await connection.execute(f"GRANT SELECT ON {tables} TO {readers}")
