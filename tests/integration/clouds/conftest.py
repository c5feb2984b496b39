"""A local cloud, and the adapters pointed at it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.clouds import SingleFlightCredential, Timeouts, open_session
from tests.support.clouds import (
    Adapters,
    LocalCloud,
    Tokens,
    join_adapters,
    local_cloud,
    note_waits,
)
from tests.support.sandbox import Sandbox, sandbox

__all__ = ["sandbox"]

PATIENT = Timeouts(connect=10.0, read=10.0, total=30.0)
IMPATIENT = Timeouts(connect=10.0, read=0.2, total=30.0)


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[LocalCloud]:
    async with local_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between retries, noted instead of sat out."""
    return note_waits(monkeypatch)


@pytest.fixture
async def adapters(
    cloud: LocalCloud, tokens: Tokens, waits: list[float]
) -> AsyncIterator[Adapters]:
    del waits
    async with (
        open_session(cloud.settings, timeouts=PATIENT) as session,
        SingleFlightCredential(tokens) as credential,
    ):
        yield join_adapters(session, credential)


@pytest.fixture
async def impatient(
    cloud: LocalCloud, tokens: Tokens, waits: list[float]
) -> AsyncIterator[Adapters]:
    """Adapters that give silence a fifth of a second, so that a hang is over soon."""
    del waits
    async with (
        open_session(cloud.settings, timeouts=IMPATIENT) as session,
        SingleFlightCredential(tokens) as credential,
    ):
        yield join_adapters(session, credential)


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead azure-identity to the sandbox's identity endpoint, as App Service does."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
