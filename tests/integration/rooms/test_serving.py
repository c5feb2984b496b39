"""What every service does when it has started."""

import asyncio
import gc
from pathlib import Path

import pytest

from shared.service import run
from tests.support.database import Database
from tests.support.platform import running


async def test_what_a_service_is_made_of_is_not_looked_through_for_garbage_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = asyncio.Event()

    class Collector:
        freeze = staticmethod(frozen.set)

    assert run.gc is gc
    monkeypatch.setattr(run, "gc", Collector)
    async with running(database, tmp_path, names=["licensing"]):
        assert frozen.is_set()
