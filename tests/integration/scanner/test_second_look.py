"""What a scan does before it believes that something is gone, and what it says of a change."""

from typing import Any
from uuid import UUID

import pytest

from shared.clouds.errors import FirewalledError
from shared.errors import TransientError
from shared.events import VaultScanned
from shared.events.scanning import VaultOutcome
from tests.support.scanner import Rig, a_vault, an_item


async def test_a_change_of_a_vaults_outcome_is_told_with_what_it_was(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    await rig.scan()
    rig.cloud.holds["kv-pay"] = FirewalledError("The firewall refuses.")
    await rig.scan()
    rig.cloud.holds["kv-pay"] = [an_item("a")]
    await rig.scan()

    told = [e for e in await rig.outbox.sent(VaultScanned) if e.vault_name == "kv-pay"]

    ok, firewalled = VaultOutcome.OK, VaultOutcome.FIREWALLED
    assert [(event.previous_outcome, event.outcome) for event in told] == [
        (None, ok),
        (ok, firewalled),
        (firewalled, ok),
    ]


async def test_what_is_missing_from_a_list_that_ends_with_a_full_page_is_looked_for_again(
    rig: Rig,
) -> None:
    """Only then, and only if something would be removed: the second listing decides."""
    items = [an_item(f"s{n:03}") for n in range(60)]
    rig.cloud.put(a_vault(), *items)
    await rig.scan()
    rig.cloud.holds["kv-pay"] = items[:50]
    rig.cloud.reads.clear()

    scan_id = await rig.scan()

    assert rig.cloud.reads.count("kv-pay") == 2
    assert (await rig.outcome_of(scan_id, "kv-pay"))["removed"] == 10
    rig.cloud.holds["kv-pay"] = items[:49]
    rig.cloud.reads.clear()
    await rig.scan()
    assert rig.cloud.reads.count("kv-pay") == 1


async def test_what_only_one_of_two_listings_has_stays_until_a_whole_one_decides(rig: Rig) -> None:
    items = [an_item(f"s{n:03}") for n in range(60)]
    rig.cloud.put(a_vault(), *items)
    await rig.scan()
    listings = [items[:50], [*items[:40], *items[50:59]]]

    pages = rig.cloud._pages

    def changing(name: str, held: Any) -> Any:
        return pages(name, listings.pop(0) if name == "kv-pay" and listings else held)

    rig.cloud._pages = changing  # type: ignore[method-assign]
    rig.cloud.holds["kv-pay"] = [*items[:40], *items[50:59]]

    first = await rig.outcome_of(await rig.scan(), "kv-pay")
    second = await rig.outcome_of(await rig.scan(), "kv-pay")

    assert (first["outcome"], first["removed"]) == ("ok", 1)
    assert second["removed"] == 10


async def shard_of(rig: Rig, scan_id: UUID) -> int:
    """The shard of the one vault."""
    row = await rig.row(
        "SELECT shard_id FROM scanner.shard WHERE scan_id = $1 AND region IS NOT NULL", scan_id
    )
    shard_id: int = row["shard_id"]
    return shard_id


async def test_a_budget_that_cannot_be_asked_ends_the_shard_and_not_the_vault(rig: Rig) -> None:
    """The database is away: nothing is known against the vault, and the shard comes again."""
    rig.cloud.put(a_vault(), an_item("a"))
    scan_id = await rig.request()
    shards = await rig.shards(scan_id)
    rig.cloud.holds["kv-pay"] = TransientError("No database connection.")
    number = await shard_of(rig, scan_id)
    [ours] = [each for each in shards if each[0].shard_id == number]
    with pytest.raises(TransientError, match="No database"):
        await rig.deliver(*ours)
    assert (await rig.outcome_of(scan_id, "kv-pay"))["state"] == "pending"

    rig.cloud.holds["kv-pay"] = [an_item("a")]
    for shard in shards:
        await rig.deliver(*shard)

    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
