"""A namespace behind the emulator for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.service_bus import Emulator, Namespace
from tests.support.leftovers import bears_leftovers, leftovers_collected
from tests.support.service_bus import InMemory, OnTheEmulator, Rig, Told


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bear that the client forgets the socket of a connection that was torn down."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(bears_leftovers)


@pytest.fixture(autouse=True)
async def collected() -> AsyncIterator[None]:
    """Each test here uses the client."""
    with leftovers_collected():
        yield


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
