"""Running one schema's alembic migrations, as its owner, one transaction per migration."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import asyncpg
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.database.catalogue import head, owner
from shared.database.connect import OwnConnection, connect_options
from shared.database.schema import check_floor

VERSION_TABLE: Final = "schema_version"
_NOBODY_BELOW: Final = "0001"


async def upgrade(url: str, schema: str, folder: Path) -> None:
    """Bring `schema` to the newest migration in `folder`.

    A schema that is newer already is left as it is: older code runs on it. Raises `SchemaError`
    when its floor is above what `folder` knows.
    """

    async def connection() -> OwnConnection:
        options: dict[str, Any] = connect_options(url, "certifyclouds migrate")
        # Building an index on a large table takes as long as it takes.
        return await asyncpg.connect(**{**options, "command_timeout": None})

    # SQLAlchemy is given the connection, so that a URL means the same here as everywhere.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connection, poolclass=NullPool
    )
    try:
        async with engine.connect() as session:
            await session.execute(text(f'SET ROLE "{owner(schema)}"'))
            await session.execute(text(f'SET search_path = "{schema}"'))
            await session.execute(text("SET lock_timeout = '5s'"))
            await session.execute(text("SET statement_timeout = 0"))
            await session.commit()
            await session.run_sync(_upgrade, schema, folder)
    finally:
        await engine.dispose()


def _upgrade(session: SyncConnection, schema: str, folder: Path) -> None:
    config = Config()
    config.set_main_option("path_separator", "newline")
    script = ScriptDirectory(str(folder), version_locations=[str(folder)])
    context = MigrationContext.configure(
        session,
        opts={
            "version_table": VERSION_TABLE,
            "version_table_schema": schema,
            "transaction_per_migration": True,
            "script": script,
            "fn": lambda revision, _: script._upgrade_revs("head", revision),  # noqa: SLF001 - as alembic's cookbook does
        },
    )
    session.execute(text("CREATE TABLE IF NOT EXISTS schema_floor (minimum text NOT NULL)"))
    floor = session.execute(text("SELECT minimum FROM schema_floor")).scalar()
    standing = context.get_current_revision()
    session.commit()
    known = head(folder)
    check_floor(schema, known, floor)
    if standing is not None and known is not None and standing > known:
        return
    with Operations.context(context), context.begin_transaction():
        context.run_migrations()
    _write_floor(session, script.walk_revisions())


def _write_floor(session: SyncConnection, revisions: Iterable[Script]) -> None:
    floor = max((getattr(r.module, "floor", _NOBODY_BELOW) for r in revisions), default=None)
    if floor is not None:
        session.execute(text("DELETE FROM schema_floor"))
        session.execute(
            text("INSERT INTO schema_floor (minimum) VALUES (:floor)"), {"floor": floor}
        )
    session.commit()
