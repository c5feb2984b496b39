"""Each promise is checked in the simulated world and on the real adapters with the sandbox.

The sandbox is one of its own: other tests compare their applications with the first ones.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.rotator.adapters import Clouds, open_clouds
from services.rotator.adapters.key_vault import KeyVault
from shared.clouds import SingleFlightCredential, make_source, open_session
from tests.support.clouds import note_waits
from tests.support.discovery import settings_for
from tests.support.rotation import (
    FINGERPRINTS,
    DriverRig,
    SandboxDriverRig,
    SandboxVaultRig,
    VaultRig,
    WorldDriverRig,
    WorldVaultRig,
)
from tests.support.sandbox import Sandbox, Way, running_sandbox, way_to


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve the estate `demo`."""
    with running_sandbox(tmp_path_factory.mktemp("rotation")) as running:
        yield running


@pytest.fixture
def identity(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lead azure-identity to the sandbox's identity endpoint; the value is who is asked for."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
    return "rotate"


@pytest.fixture
async def way(sandbox: Sandbox, identity: str) -> AsyncIterator[Way]:
    assert identity == "rotate"
    async with way_to(sandbox) as found:
        yield found


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between retries, noted instead of sat out."""
    return note_waits(monkeypatch)


@pytest.fixture
async def places(
    sandbox: Sandbox, identity: str, waits: list[float]
) -> AsyncIterator[SandboxVaultRig]:
    del waits
    vault = sandbox.vault(lambda found: found["readableBy"]["rotate"]["secrets"])
    async with (
        open_session(settings_for(sandbox, identity)) as session,
        SingleFlightCredential(make_source(session)) as credential,
    ):
        yield SandboxVaultRig(
            session, KeyVault(session, credential), sandbox.control, vault["name"]
        )


@pytest.fixture(params=["world", "sandbox"])
def vaults(request: pytest.FixtureRequest) -> VaultRig:
    if request.param == "world":
        return WorldVaultRig()
    found: SandboxVaultRig = request.getfixturevalue("places")
    return found


@pytest.fixture
async def clouds(sandbox: Sandbox, identity: str, waits: list[float]) -> AsyncIterator[Clouds]:
    del waits
    async with open_clouds(settings_for(sandbox, identity), fingerprints=FINGERPRINTS) as found:
        yield found


@pytest.fixture
async def entra(sandbox: Sandbox, clouds: Clouds) -> AsyncIterator[SandboxDriverRig]:
    rig = SandboxDriverRig(clouds.drivers["entra-app-secret"], sandbox)
    await rig.begin()
    yield rig
    rig.end()


@pytest.fixture(params=["world", "sandbox"])
def drivers(request: pytest.FixtureRequest) -> DriverRig:
    if request.param == "world":
        return WorldDriverRig()
    found: SandboxDriverRig = request.getfixturevalue("entra")
    return found
