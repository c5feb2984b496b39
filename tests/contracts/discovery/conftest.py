"""Each promise is checked on an estate in memory and on the real adapters with the sandbox."""

from collections.abc import AsyncIterator

import pytest

from services.scanner.adapters import open_clouds
from tests.support.discovery import World, memory_world, sandbox_world, settings_for
from tests.support.sandbox import Sandbox, random_sandbox

__all__ = ["random_sandbox"]


@pytest.fixture(params=["memory", "sandbox"])
async def world(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    if request.param == "memory":
        yield memory_world()
        return
    sandbox: Sandbox = request.getfixturevalue("random_sandbox")
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
    async with open_clouds(settings_for(sandbox)) as clouds:
        yield await sandbox_world(sandbox, clouds)
