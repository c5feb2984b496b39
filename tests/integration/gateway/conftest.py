"""Fixtures of the gateway's integration tests."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_bytes

import pytest

from services.gateway.domain.role import Role
from shared.crypto import SALT_BYTES, Derivation
from shared.service.http import serve_http
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


@pytest.fixture
async def reachable(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway that listens, and the command line signed in to it as an administrator."""
    monkeypatch.setenv("CERTIFYCLOUDS_TOKEN", await gateway.token(Role.ADMIN))
    async with serve_http(gateway.public.app, host="127.0.0.1", port=0) as port:
        monkeypatch.setenv("CERTIFYCLOUDS_URL", f"http://127.0.0.1:{port}")
        yield gateway
