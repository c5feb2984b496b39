"""Fixtures of the gateway's integration tests."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_bytes

import pytest

from shared.crypto import SALT_BYTES, Derivation
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive the wrapping key in few rounds; how many there are is promised in the unit tests."""
    quick = classmethod(lambda cls: cls(token_bytes(SALT_BYTES), iterations=1000))
    monkeypatch.setattr(Derivation, "fresh", quick)


@pytest.fixture
async def gateway(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    """One replica on a database of its own."""
    async with running_gateway(database, tmp_path) as replica:
        yield replica
