"""Each promise is checked on an estate in memory and on the real adapters with the sandbox."""

import pytest

from tests.support.discovery import World, memory_world


@pytest.fixture(params=["memory"])
async def world(request: pytest.FixtureRequest) -> World:
    assert request.param == "memory"
    return memory_world()
