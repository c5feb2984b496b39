"""One vault over the API: its settings, who may do what, where its logs go, what changed."""

from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes import vaults
from tests.support.database import Database
from tests.support.gateway import Gateway, seed_estate

SEED = """
    UPDATE scanner.subscription SET grants_outcome = 'ok', grants_listed_at = now()
     WHERE id = 'sub-a';
    UPDATE scanner.subscription
       SET grants_outcome = 'denied', grants_reason = 'No role.', grants_remedy = 'Assign Reader.'
     WHERE id = 'sub-b';
    UPDATE scanner.vault
       SET configuration = '{"soft_delete": true, "purge_protection": null}',
           configuration_outcome = 'ok'
     WHERE id = 1;
    INSERT INTO scanner.role_definition VALUES
        ('r1', 'Operator', true, '[]', '{Microsoft.KeyVault/vaults/secrets/*}', true);
    INSERT INTO scanner.role_assignment VALUES
        ('sub-a', 'g1', '/subscriptions/sub-a', 'ada', 'User', 'r1', false),
        ('sub-a', 'g2', '/', 'ben', 'Group', 'unknown', true);
    INSERT INTO scanner.vault_diagnostics (vault_id, settings, outcome, described, read_at)
        VALUES (1, '[{"name": "d"}]', 'ok', 'x', now());
    INSERT INTO scanner.vault_change (scan_id, vault_id, field, before, after) VALUES
        (gen_random_uuid(), 1, 'retention_days', '7', '90'),
        (gen_random_uuid(), 1, 'public_network_access', '"Enabled"', '"Disabled"'),
        (gen_random_uuid(), 2, 'sku', '"standard"', '"premium"');
"""


@pytest.fixture
async def http(gateway: Gateway, database: Database) -> Any:
    await seed_estate(database, [])
    async with database.connection() as admin:
        await admin.execute(
            "UPDATE scanner.vault SET resource_id = '/subscriptions/sub-a/v/1' WHERE id = 1"
        )
        await admin.execute(SEED)
    async with await gateway.signed_in(Role.VIEWER) as client:
        yield client


async def test_a_vault_shows_its_settings_grants_and_diagnostics(http: httpx.AsyncClient) -> None:
    answer = (await http.get("/api/v1/vaults/1")).json()

    vaults.VaultDetail.model_validate(answer)
    assert answer["configuration"] == {"soft_delete": True, "purge_protection": None}
    assert [(g["principal_id"], g["reads_values"], g["role_name"]) for g in answer["grants"]] == [
        ("ben", None, None),
        ("ada", True, "Operator"),
    ]
    assert answer["diagnostics"] == [{"name": "d"}]
    outcomes = {
        part: answer[f"{part}_outcome"] for part in ("configuration", "grants", "diagnostics")
    }
    assert set(outcomes.values()) == {"ok"}
    assert answer["grants_capped"] is False


async def test_what_could_not_be_listed_says_so_and_is_not_an_empty_list_alone(
    http: httpx.AsyncClient,
) -> None:
    answer = (await http.get("/api/v1/vaults/2")).json()

    assert (answer["grants_outcome"], answer["grants_reason"]) == ("denied", "No role.")
    assert answer["grants_remedy"] == "Assign Reader."
    assert (answer["configuration"], answer["configuration_outcome"]) == (None, None)
    assert (answer["diagnostics"], answer["diagnostics_outcome"]) == (None, None)


async def test_grants_beyond_what_is_shown_are_announced(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vaults, "MOST_GRANTS", 1)

    answer = (await http.get("/api/v1/vaults/1")).json()

    assert (len(answer["grants"]), answer["grants_capped"]) == (1, True)


async def test_a_vaults_changes_come_newest_first_and_page_by_page(
    http: httpx.AsyncClient,
) -> None:
    first = (await http.get("/api/v1/vaults/1/changes", params={"limit": 1})).json()
    cursor = first["meta"]["next_cursor"]
    second = (await http.get("/api/v1/vaults/1/changes", params={"cursor": cursor})).json()

    [newest], [older] = first["data"], second["data"]
    vaults.VaultChange.model_validate(newest)
    assert (newest["field"], newest["before"], newest["after"]) == (
        "public_network_access",
        "Enabled",
        "Disabled",
    )
    assert (older["field"], older["before"], older["after"]) == ("retention_days", 7, 90)
    assert second["meta"]["next_cursor"] is None


async def test_a_vault_that_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    for path in ("/api/v1/vaults/99", "/api/v1/vaults/99/changes"):
        assert (await http.get(path)).status_code == 404
