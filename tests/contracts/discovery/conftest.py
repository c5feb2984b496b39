"""Each promise is checked on an estate in memory and on the real adapters with the sandbox."""

from collections.abc import AsyncIterator

import pytest

from services.scanner.adapters import open_clouds
from tests.support.discovery import World, memory_world, sandbox_world, settings_for
from tests.support.sandbox import Sandbox, sandbox

__all__ = ["sandbox"]


@pytest.fixture(params=["memory", "sandbox"])
async def world(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    if request.param == "memory":
        yield memory_world()
        return
    running: Sandbox = request.getfixturevalue("sandbox")
    monkeypatch.setenv("IDENTITY_ENDPOINT", running.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", running.ready["identity_header"])
    async with open_clouds(settings_for(running)) as clouds:
        yield await sandbox_world(running, clouds)
