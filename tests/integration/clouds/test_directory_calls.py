"""How many requests a large directory takes, and what happens beyond Graph's quota."""

from collections import Counter
from pathlib import Path

import pytest

from services.scanner.adapters import open_clouds
from services.scanner.domain.listing import Page
from services.scanner.steps.own_pace import GraphPacing
from shared.clouds.errors import ThrottledError
from tests.support import truth
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox, running_sandbox

LARGE = ("--profile", "large", "--vaults", "0", "--applications", "2500")


async def read(sandbox: Sandbox) -> list[Page]:
    async with open_clouds(settings_for(sandbox), graph_pace=GraphPacing().wait) as clouds:
        return [page async for page in clouds.directory.listing()]


async def test_2500_applications_take_pages_and_no_request_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sandbox(tmp_path, *LARGE) as sandbox:
        monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        sandbox.control.set_graph_quota(tenant="S")

        pages = await read(sandbox)

        asked = [entry for entry in sandbox.control.log() if "graph." in entry["host"]]
        told = sandbox.control.truth()
    assert {found.object_id: found for page in pages for found in page.objects} == truth.objects(
        told
    )
    assert len(told["applications"]) == 2_500
    assert {entry["status"] for entry in asked} == {200}
    # Three pages of 999 for the objects; an expansion has pages of 100, whatever is asked for.
    assert Counter((e["path"], "expand" in e["query"]) for e in asked) == {
        ("/v1.0/applications", False): 3,
        ("/v1.0/applications", True): 25 + 25,
        ("/v1.0/servicePrincipals", False): 3,
        ("/v1.0/servicePrincipals", True): 26 + 1,
    }


async def test_beyond_the_quota_the_directory_waits_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sandbox(tmp_path, "--profile", "demo") as sandbox:
        monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        with sandbox.control.fault(
            path="/v1.0/servicePrincipals", status=429, count=1, headers={"Retry-After": "0"}
        ):
            pages = await read(sandbox)
        with (
            sandbox.control.fault(
                path="/v1.0/servicePrincipals", status=429, headers={"Retry-After": "3600"}
            ),
            pytest.raises(ThrottledError),
        ):
            await read(sandbox)

    assert sum(len(page.objects) for page in pages) == 40 + 51


async def test_a_directory_that_complains_is_asked_more_slowly_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pacing = GraphPacing()
    halves = [pacing.units.rate / 2, pacing.key_listings.rate / 2]

    async def at_once(seconds: float) -> None:
        del seconds

    monkeypatch.setattr("services.scanner.steps.own_pace.asyncio.sleep", at_once)
    await pacing.slow_down(None)
    for _ in range(20):
        await pacing.wait(1, True)

    assert [pacing.units.rate, pacing.key_listings.rate] == halves


async def test_beyond_its_budget_a_listing_of_keys_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    pacing, waits = GraphPacing(), []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("services.scanner.steps.own_pace.asyncio.sleep", note)
    for _ in range(15):
        await pacing.wait(1, True)
    assert waits == []

    for _ in range(15):
        await pacing.wait(1, True)

    assert max(waits) > 5  # ten beyond the burst, 1.6 s each
