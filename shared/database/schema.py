"""Whether the database's schema and this code fit together.

Every migration is additive: code runs on a newer schema. Where one is not, it raises the schema's
floor, and code below the floor stops with a sentence instead of doing harm.
"""

import asyncio
from typing import Final

import asyncpg

from shared.database.catalogue import SCHEMAS, head, migrations
from shared.database.pool import Pool
from shared.errors import SchemaError, TransientError

POLL_SECONDS: Final = 0.25
_VERSION: Final = {
    schema: f"SELECT v.version_num, f.minimum FROM {schema}.schema_version AS v"  # noqa: S608 - names of our own catalogue
    f" LEFT JOIN {schema}.schema_floor AS f ON true"
    for schema in SCHEMAS
}


async def wait_for_schema(pool: Pool, schema: str, *, seconds: float = 5.0) -> None:
    """Return when `schema` is at least what this code needs.

    Raises `TransientError` when it is not there within `seconds`, and `SchemaError` when the schema
    is newer than this code understands.
    """
    needed = head(migrations(schema))
    if needed is None:
        return
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        standing, floor = await read_version(pool, schema)
        check_floor(schema, needed, floor)
        if standing is not None and standing >= needed:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise TransientError(
                f"The schema {schema} is at {standing or 'nothing'}, this code needs {needed}."
                " Run: certifyclouds migrate"
            )
        await asyncio.sleep(POLL_SECONDS)


def check_floor(schema: str, known: str | None, floor: str | None) -> None:
    """Raise `SchemaError` when `floor` is above the newest migration that this code knows."""
    if known is not None and floor is not None and floor > known:
        raise SchemaError(
            f"The schema {schema} is too new: it needs code that knows migration {floor}, this code"
            f" knows {known}. Install the newer release of CertifyClouds."
        )


async def read_version(pool: Pool, schema: str) -> tuple[str | None, str | None]:
    """Return the schema's migration and its floor; None for what is not there yet."""
    try:
        row = await pool.fetchrow(_VERSION[schema])
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        return None, None
    except asyncpg.InvalidCatalogNameError:
        raise TransientError("The database is not there yet. Run: certifyclouds migrate") from None
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise TransientError(
            "The database does not let this role in. Run: certifyclouds migrate. If that was done,"
            " correct the password in DATABASE_URL."
        ) from None
    return (row["version_num"], row["minimum"]) if row else (None, None)
