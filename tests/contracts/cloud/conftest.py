"""The sandbox for Azure's own SDKs: what they ask is answered as the real services answer."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support.issuing import Vault, open_vault
from tests.support.sandbox import Sandbox, Way, random_sandbox, sandbox, way_to

__all__ = ["random_sandbox", "sandbox"]


@pytest.fixture
async def way(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Way]:
    """Lead to the sandbox as App Service leads to its identity endpoint: by the environment."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
    async with way_to(sandbox) as found:
        yield found


@pytest.fixture
async def vault(way: Way) -> AsyncIterator[Vault]:
    """Open a vault in which `rotate` may do what its work needs."""
    async with AsyncExitStack() as stack:
        yield await open_vault(stack, way, "rotate")
