"""Told to end while the database is gone: every service ends, none stays behind for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.cli.settings import SERVICES
from shared.service.tasks import Task, run_task
from tests.support.database import Database, execute
from tests.support.platform import running

STOP_SECONDS = 12


@asynccontextmanager
async def quiet() -> AsyncIterator[None]:
    """Keep the tracebacks of what fails meanwhile: drawing them takes longer than stopping."""
    with capture_logs():
        yield


async def test_every_service_ends_when_told_although_its_database_is_gone(
    database: Database, tmp_path: Path
) -> None:
    others = [name for name in SERVICES if name != "scanner"]  # it needs a cloud
    async with quiet(), running(database, tmp_path, names=others) as platform:
        await execute(
            database.cluster.url("postgres"),
            f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_database d"
            " ON d.oid = a.datid WHERE NOT d.datallowconn",
        )
        for stop in platform.stops.values():
            stop.set()
        _, left = await asyncio.wait(platform.tasks.values(), timeout=STOP_SECONDS)
        names = {task.get_name() for task in left}
        for task in left:
            task.cancel()

    assert names == set()


async def test_a_task_that_fails_on_its_way_out_is_not_begun_again() -> None:
    begun = asyncio.Event()

    async def run() -> None:
        assert not begun.is_set(), "begun again"
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("the last word cannot be said")

    task = asyncio.create_task(run_task(Task(name="last words", run=run)))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
