"""Ground truth: whatever the estate, every stored field of every item equals the sandbox's."""

from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.detail_truth import expected as expected_details
from tests.support.estate import (
    differences,
    expected_applications,
    expected_items,
    kinds_in,
    sent_by_kind,
    stored_applications,
    stored_details,
    stored_items,
)
from tests.support.platform import running
from tests.support.sandbox import running_sandbox
from tests.support.waiting import eventually

SEEDS = range(101, 111)


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_stored_field_of_every_item_equals_the_sandboxs(
    seed: int, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sandbox(tmp_path, "--profile", "random", "--seed", str(seed)) as sandbox:
        monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        # The permission doctor's own probes are no part of the scan whose requests are counted.
        async with running(
            database,
            tmp_path,
            sandbox=sandbox.ready,
            names=["scanner"],
            permission_check_hours=0,
        ):

            async def ended() -> bool:
                async with database.connection() as admin:
                    return await admin.fetchval(
                        "SELECT bool_and(state = 'completed') FROM scanner.scan"
                    )

            await eventually(ended)

        told = sandbox.control.truth()
        expected = expected_items(told) | expected_applications(told)
        found = await stored_items(database.url()) | await stored_applications(database.url())
        details = await stored_details(database.url())
        sent = await sent_by_kind(database.url())
        log = sandbox.control.log(identity="discover")

    assert len(expected) > 50
    assert differences(found, expected) == []
    assert len({row["facts"].keys() != set() for row in details.values()}) == 2
    assert differences(details, expected_details(told)) == []
    assert sent == kinds_in(log)
