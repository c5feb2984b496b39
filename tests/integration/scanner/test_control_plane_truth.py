"""Ground truth of the control plane: settings, grants and diagnostics equal the sandbox's.

First as Resource Graph tells them, then as the management API does, which must find no difference.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.listing import Page
from shared.database import Pool
from shared.events.scanning import ScanMode
from tests.support import control_plane
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.scanner import FakeCloud, Rig, SentTable

VERSIONS = """
    SELECT 'vault' AS kind, v.id::text AS id, v.ctid::text AS at, v.xmin::text AS by
    FROM scanner.vault v
    UNION ALL SELECT 'role', r.id, r.ctid::text, r.xmin::text FROM scanner.role_definition r
    UNION ALL SELECT 'assignment', a.subscription_id || a.id, a.ctid::text, a.xmin::text
    FROM scanner.role_assignment a
    UNION ALL SELECT 'diagnostics', d.vault_id::text, d.ctid::text, d.xmin::text
    FROM scanner.vault_diagnostics d
"""


class ControlPlane(FakeCloud):
    """The real control plane; the vaults hold nothing here, which other tests are about."""

    def __init__(self, clouds: Clouds) -> None:
        super().__init__()
        self.subscriptions = clouds.estate.subscriptions  # type: ignore[method-assign]
        self.vaults = clouds.estate.vaults  # type: ignore[method-assign]

    async def items(self, vault: object) -> AsyncIterator[Page]:
        del vault
        yield Page(())


async def versions(pool: Pool) -> set[tuple[Any, ...]]:
    """The versions of the rows that an unchanged rescan must not write."""
    return {tuple(row) for row in await pool.fetch(VERSIONS)}


def lead_to(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])


def joined(pool: Pool, clouds: Clouds) -> Rig:
    cloud = ControlPlane(clouds)
    rig = Rig(pool=pool, cloud=cloud, outbox=SentTable(pool))
    rig.grants, rig.diagnostics = clouds.grants, clouds.diagnostics
    return rig


@pytest.mark.parametrize("seed", range(201, 211))
async def test_every_setting_grant_and_diagnostic_setting_equals_the_sandboxs_both_ways(
    seed: int, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sandbox(tmp_path, "--profile", "random", "--seed", str(seed)) as sandbox:
        lead_to(sandbox, monkeypatch)
        told = control_plane.expected(sandbox.control.truth())
        async with open_clouds(settings_for(sandbox)) as clouds:
            rig = joined(pool, clouds)
            await rig.scan()
            by_graph, before = await control_plane.stored(pool), await versions(pool)

            with sandbox.control.fault(path="ResourceGraph", status=403, code="AccessDenied"):
                await rig.request()
                after = await versions(pool)
                await rig.scan(mode=ScanMode.FORCE)
            by_management = await control_plane.stored(pool)
            changes = await pool.fetch("SELECT field, before, after FROM scanner.v_vault_change")

    assert by_graph == told
    assert by_management == told
    assert changes == []
    assert after == before
    assert any(told["grants"].values())
