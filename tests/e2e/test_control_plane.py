"""The scanner as it is served tells settings, grants and diagnostic settings of every vault."""

from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.platform import running
from tests.support.sandbox import Sandbox
from tests.support.waiting import eventually

PARTS = "configuration_outcome, grants_outcome, diagnostics_outcome"


@pytest.mark.usefixtures("cloud_variables")
async def test_after_the_first_scan_nothing_of_the_control_plane_is_unknown(
    database: Database, tmp_path: Path, random_sandbox: Sandbox
) -> None:
    async with running(database, tmp_path, sandbox=random_sandbox.ready, names=["scanner"]):

        async def ended() -> bool:
            async with database.connection() as admin:
                return await admin.fetchval(
                    "SELECT bool_and(state = 'completed') FROM scanner.scan"
                )

        await eventually(ended)
    async with database.connection() as admin:
        rows = await admin.fetch(
            f"SELECT DISTINCT {PARTS} FROM scanner.v_vault WHERE kind = 'vault'"  # noqa: S608 - from above
        )
        readers = await admin.fetchval(
            "SELECT count(*) FROM scanner.v_vault_grant WHERE reads_values"
        )

    assert [tuple(row) for row in rows] == [("ok", "ok", "ok")]
    assert readers > 0
