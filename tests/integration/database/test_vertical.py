"""A migrated database, from a test's point of view."""

from tests.support.database import Database


async def test_a_service_reaches_its_schema_through_its_pool(database: Database) -> None:
    async with database.pool("scanner") as pool:
        assert await pool.fetchval("SELECT current_user || current_schema()") == "scannerscanner"
