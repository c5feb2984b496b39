"""Each promise is checked in the simulated world and on the real adapters with the sandbox."""

from collections.abc import AsyncIterator

import pytest

from services.rotator.adapters.key_vault import KeyVault
from shared.clouds import SingleFlightCredential, make_source, open_session
from tests.support.clouds import note_waits
from tests.support.discovery import settings_for
from tests.support.rotation import SandboxVaultRig, VaultRig, WorldVaultRig
from tests.support.sandbox import Sandbox, sandbox

__all__ = ["sandbox"]


@pytest.fixture
def identity(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lead azure-identity to the sandbox's identity endpoint; the value is who is asked for."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
    return "rotate"


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
