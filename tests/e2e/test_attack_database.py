"""PostgreSQL killed while all runs: it is started again, and what was committed is there."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from services.cli import keeper
from services.cli.keeper import keep_running
from shared.database import Cluster
from shared.errors import SettingsError
from tests.support.waiting import eventually


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test's own, which may die."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)  # root runs the server as somebody else, who must enter
        with Cluster(Path(folder)) as started:
            yield started


async def asked(cluster: Cluster, sql: str) -> object:
    """Return the answer, or None while nobody is there to give it."""
    with suppress(OSError, asyncpg.PostgresError):
        connection = await asyncpg.connect(cluster.url("postgres"), timeout=5)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()
    return None


async def test_a_server_that_was_killed_comes_back_at_its_address_with_its_data(
    cluster: Cluster,
) -> None:
    told: list[str] = []
    address, first = cluster.url("postgres"), cluster.pid
    assert first is not None
    await asked(cluster, "CREATE TABLE kept AS SELECT 7 AS number")
    keeping = asyncio.create_task(keep_running(cluster, told.append))

    os.kill(first, signal.SIGKILL)

    assert await eventually(lambda: asked(cluster, "SELECT number FROM kept"), seconds=12) == 7
    assert cluster.pid not in (None, first)
    assert cluster.url("postgres") == address
    assert [line.startswith("PostgreSQL ended") for line in told] == [True]
    keeping.cancel()


async def test_a_server_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken:
        running, log, tries = False, tmp_path / "log", 0

        def start(self) -> None:
            self.tries += 1
            if self.tries == 1:
                raise SettingsError("The disk is full.")
            self.running = True

    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(keeper, "FIRST_PAUSE_SECONDS", 0.01)
    told: list[str] = []
    broken = Broken()
    keeping = asyncio.create_task(keep_running(broken, told.append))  # type: ignore[arg-type]

    await eventually(lambda: broken.running)
    keeping.cancel()

    assert broken.tries == 2
    assert "The disk is full." in told[1]
