"""A scan without a database, and reading with failures as outcomes."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from services.scanner.domain.status import Status
from services.scanner.steps.direct import Begun, Ended, Looked, scan
from services.scanner.steps.read import Readers
from shared.clouds.errors import AccessDeniedError, Denial, ThrottledError, UnavailableError
from shared.events.scanning import ScanOutcome, VaultOutcome
from shared.selector import parse_scope
from tests.support.scanner import DAY, EAST, NOW, FakeCloud, a_credential, a_vault, an_item


async def run(cloud: FakeCloud, **named: Any) -> list[Any]:
    readers = Readers(vaults=cloud, directory=cloud, page_seconds=0.5)
    progress = scan(cloud, readers, **{"now": NOW, **named})
    return [step async for step in progress]


async def test_progress_comes_per_vault_and_the_result_last() -> None:
    cloud = FakeCloud()
    cloud.put(a_vault("kv-a"), an_item("x", expires_on=NOW + 3 * DAY), an_item("y"))
    cloud.put(a_vault("kv-b"), an_item("z", enabled=False))
    cloud.credentials_seen = [a_credential("k", expires_on=NOW - DAY)]

    begun, *looked, ended = await run(cloud)

    assert isinstance(begun, Begun)
    assert begun.sources == 3
    found = {
        (one.name, judged.item.name): (judged.status, judged.days_left)
        for one in looked
        for judged in one.items
    }
    assert found == {
        ("kv-a", "x"): (Status.CRITICAL, 3),
        ("kv-a", "y"): (Status.NO_EXPIRY, None),
        ("kv-b", "z"): (Status.DISABLED, None),
        ("Microsoft Entra ID", "ci"): (Status.EXPIRED, -1),
    }
    assert ended == Ended(
        outcome=ScanOutcome.COMPLETE, error=None, sources=3, unreadable=0, items=4
    )


async def test_an_unreadable_vault_says_why_and_the_others_are_read() -> None:
    cloud = FakeCloud()
    cloud.put(a_vault("kv-a"), an_item("x"))
    cloud.put(a_vault("kv-b"))
    cloud.holds["kv-b"] = AccessDeniedError("No role.", denial=Denial.ROLE, remedy="Assign it.")

    *_, ended = steps = await run(cloud, subscription_ids=(EAST,))

    assert ended.outcome is ScanOutcome.PARTIAL
    assert (ended.sources, ended.unreadable, ended.items) == (2, 1, 1)
    [denied] = [s for s in steps if isinstance(s, Looked) and s.outcome is VaultOutcome.DENIED]
    assert (denied.name, denied.reason, denied.items) == ("kv-b", "No role.", ())
    assert "az role assignment create" in (denied.remedy or "")


async def test_an_estate_that_cannot_be_listed_is_an_error() -> None:
    with pytest.raises(UnavailableError):
        await run(FakeCloud(failure=UnavailableError("Azure is down.")))


async def test_a_subscription_that_cannot_be_seen_is_told() -> None:
    *_, ended = await run(FakeCloud(), subscription_ids=("sub-hidden",))

    assert ended.outcome is ScanOutcome.FAILED
    assert "sub-hidden" in ended.error


async def test_who_stops_listening_stops_the_reading() -> None:
    cloud = FakeCloud()
    cloud.put(a_vault("kv-a"), an_item("x"))
    cloud.put(a_vault("kv-b"))
    cloud.hangs.add("kv-b")
    readers = Readers(vaults=cloud, directory=cloud)

    async with aclosing(scan(cloud, readers, now=NOW)) as progress:
        async for step in progress:
            if isinstance(step, Looked):
                break

    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert others == set()


async def test_an_error_of_the_clouds_own_words_reaches_the_outcome() -> None:
    cloud = FakeCloud()
    cloud.put(a_vault())
    cloud.holds["kv-pay"] = ThrottledError("Slow down.", retry_after=30)

    looked = [step for step in await run(cloud) if isinstance(step, Looked)]

    assert {one.reason for one in looked} == {"Slow down.", None}


async def test_a_selector_narrows_what_is_read_without_a_database_too() -> None:
    cloud = FakeCloud()
    cloud.put(a_vault("kv-a", tags={"env": "prod"}), an_item("x"))
    cloud.put(a_vault("kv-b", "sub-west"), an_item("y"))

    *_, ended = await run(cloud, selector=parse_scope("sub:east tag:env=prod"))
    *_, nothing = await run(cloud, selector=parse_scope("sub:north"))

    assert cloud.reads == ["kv-a"]
    assert (ended.outcome, ended.sources) == (ScanOutcome.COMPLETE, 1)
    assert nothing.outcome is ScanOutcome.FAILED
    assert "fits no source" in (nothing.error or "")
