"""A scanner on a cloud that a test makes up, on the real bus and the real database.

`scanned` lets an installation that is new look at the estate once and returns what it came to.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.scanner import app
from shared.database.connect import OwnConnection
from tests.support.database import Database
from tests.support.memory_clouds import MemoryClouds
from tests.support.platform import running
from tests.support.waiting import eventually


@dataclass(slots=True)
class Scanned:
    """What the first scan came to."""

    scan: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    items: list[dict[str, Any]]
    dead: list[asyncpg.Record]


@asynccontextmanager
async def a_scanner(
    database: Database, folder: Path, clouds: MemoryClouds, patch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Serve the scanner on these clouds; a new installation scans by itself."""

    @asynccontextmanager
    async def opened(*_: object, **__: object) -> AsyncIterator[object]:
        yield clouds.clouds()

    patch.setattr(app, "open_clouds", opened)
    async with running(database, folder, names=["scanner"]):
        yield


async def scanned(
    database: Database, folder: Path, clouds: MemoryClouds, patch: pytest.MonkeyPatch
) -> Scanned:
    """Return what the first scan of an installation comes to."""
    async with a_scanner(database, folder, clouds, patch), database.connection() as admin:
        return await eventually(lambda: _ended(admin), seconds=12)


async def _ended(admin: OwnConnection) -> Scanned | None:
    dead = await admin.fetch("SELECT queue, reason, description FROM bus.dead_letter")
    scan = await admin.fetchrow("SELECT state, outcome, error FROM scanner.scan")
    if not dead and (scan is None or scan["state"] != "completed"):
        return None
    sources = await admin.fetch(
        "SELECT vault_name, outcome, reason, items FROM scanner.v_scan_vault"
    )
    items = await admin.fetch("SELECT name, status, expires_on, tags FROM scanner.v_item")
    return Scanned(
        scan=dict(scan or {}),
        sources={row["vault_name"]: dict(row) for row in sources},
        items=[dict(row) for row in items],
        dead=dead,
    )
