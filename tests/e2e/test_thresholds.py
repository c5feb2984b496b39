"""A rule on thresholds from the API through the bus to the items, their status and their steps."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.events import SecretExpiring
from tests.e2e.test_one_dead import signed_in
from tests.support.database import Database
from tests.support.platform import running
from tests.support.sandbox import Sandbox
from tests.support.waiting import eventually


async def scanned(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Wait for the first scan, and return the healthy items that end in 61 to 84 days."""

    async def ended() -> bool:
        scans = (await http.get("/scans")).json()["data"]
        return bool(scans) and scans[0]["state"] == "completed"

    await eventually(ended)
    page = (await http.get("/items", params={"status": "healthy", "limit": 500})).json()["data"]
    return [item for item in page if 61 < (item["days_left"] or 0) < 84 and not item["managed"]]


@pytest.mark.usefixtures("cloud_variables")
async def test_a_rule_that_is_put_changes_an_items_status_and_announces_its_step(
    database: Database, random_sandbox: Sandbox, tmp_path: Path
) -> None:
    names = ["gateway", "scanner"]
    async with (
        running(database, tmp_path, sandbox=random_sandbox.ready, names=names) as platform,
        signed_in(platform) as http,
    ):
        item = (await scanned(http))[0]
        rule = {"scope": "item", "name": str(item["id"]), "warning_days": 85, "critical_days": 30}

        assert (await http.put("/thresholds", json=rule)).status_code == 202

        async def is_warning() -> bool:
            return (await http.get(f"/items/{item['id']}")).json()["status"] == "warning"

        async def is_announced() -> bool:
            async with database.connection() as admin:
                return await admin.fetchval(
                    """
                    SELECT count(*) = 1 FROM bus.message
                    WHERE type = $1 AND convert_from(body, 'utf8')::jsonb @> $2
                    """,
                    SecretExpiring.type,
                    {"credential": {"item_id": item["id"]}, "status": "warning"},
                )

        await eventually(is_warning)
        await eventually(is_announced)
        [listed] = (await http.get("/thresholds")).json()["data"]
        assert (listed["scope"], listed["name"], listed["applied"]) == ("item", rule["name"], True)
