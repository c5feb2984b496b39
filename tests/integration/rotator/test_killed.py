"""A real process, killed with SIGKILL between two instructions, and another one that finishes."""

from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.saga.killing import broken, killed_at

AROUND = (12, 20, 21, 31, 44, 52, 60, 75)


@pytest.mark.parametrize("point", AROUND)
async def test_killed_on_postgresql_it_keeps_every_promise(
    database: Database, tmp_path: Path, point: int
) -> None:
    left = await killed_at(database, tmp_path, point)

    assert left.killed
    assert broken(left) == []


async def test_undisturbed_it_keeps_every_promise_too(database: Database, tmp_path: Path) -> None:
    left = await killed_at(database, tmp_path, 0)

    assert not left.killed
    assert broken(left) == []
