"""The sandbox for Azure's own SDKs: what they ask is answered as the real services answer."""

from collections.abc import AsyncIterator

import pytest

from tests.support.sandbox import Sandbox, Way, random_sandbox, sandbox, way_to

__all__ = ["random_sandbox", "sandbox"]


@pytest.fixture
async def way(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Way]:
    """Lead to the sandbox as App Service leads to its identity endpoint: by the environment."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
    async with way_to(sandbox) as found:
        yield found
