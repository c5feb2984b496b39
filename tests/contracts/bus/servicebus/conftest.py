"""A namespace behind the emulator for each test."""

from collections.abc import AsyncIterator

import pytest

from sandbox.service_bus import Emulator, Namespace
from tests.support.service_bus import InMemory, OnTheEmulator, Rig, Told


@pytest.fixture
async def on_the_emulator() -> AsyncIterator[OnTheEmulator]:
    async with Emulator(Namespace()) as emulator:
        yield OnTheEmulator(emulator)


@pytest.fixture(params=["memory", "emulator"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "memory":
        yield InMemory()
        return
    async with Emulator(Namespace()) as emulator:
        yield OnTheEmulator(emulator)


@pytest.fixture
def told() -> Told:
    return Told()
