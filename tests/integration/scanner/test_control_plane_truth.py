"""Ground truth of the control plane: settings, grants and diagnostics equal the sandbox's.

First as Resource Graph tells them, then as the management API does, which must find no difference.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.configuration import as_facts
from services.scanner.domain.listing import Page
from shared.database import Pool
from shared.events.scanning import ScanMode
from tests.support import control_plane, truth
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.scanner import FakeCloud, Rig, SentTable

VAULTS = """
    SELECT name, configuration, configuration_outcome, grants_outcome, diagnostics,
           diagnostics_outcome
    FROM scanner.v_vault WHERE kind = 'vault'
"""
GRANTS = """
    SELECT v.name, g.how, g.principal_id, g.principal_type, g.application_id, g.role_name, g.scope,
           g.reads_values, g.conditional
    FROM scanner.v_vault_grant g JOIN scanner.v_vault v ON v.id = g.vault_id
"""
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


async def found(pool: Pool) -> dict[str, Any]:
    vaults = [dict(row) for row in await pool.fetch(VAULTS)]
    grants: dict[str, set[tuple[Any, ...]]] = {row["name"]: set() for row in vaults}
    for row in await pool.fetch(GRANTS):
        grants[row["name"]].add(tuple(row)[1:])
    parts = ("configuration_outcome", "grants_outcome", "diagnostics_outcome")
    return {
        "outcomes": {tuple(row[part] for part in parts) for row in vaults},
        "configurations": {row["name"]: row["configuration"] for row in vaults},
        "diagnostics": {row["name"]: row["diagnostics"] for row in vaults},
        "grants": grants,
    }


def expected(told: dict[str, Any]) -> dict[str, Any]:
    settings = {vault.name: vault.configuration for vault in truth.vaults(told).values()}
    return {
        "outcomes": {("ok", "ok", "ok")},
        "configurations": {name: as_facts(one) for name, one in settings.items() if one},
        "diagnostics": control_plane.diagnostics(told),
        "grants": control_plane.grants(told),
    }


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
        told = expected(sandbox.control.truth())
        async with open_clouds(settings_for(sandbox)) as clouds:
            rig = joined(pool, clouds)
            await rig.scan()
            by_graph, before = await found(pool), await versions(pool)

            with sandbox.control.fault(path="ResourceGraph", status=403, code="AccessDenied"):
                await rig.request()
                after = await versions(pool)
                await rig.scan(mode=ScanMode.FORCE)
            by_management = await found(pool)
            changes = await pool.fetch("SELECT field, before, after FROM scanner.v_vault_change")

    assert by_graph == told
    assert by_management == told
    assert changes == []
    assert after == before
    assert any(told["grants"].values())
