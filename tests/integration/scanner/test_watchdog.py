"""No scan hangs for ever: what nobody works on is sent again, and given up with a reason."""

from uuid import uuid4

import pytest

from services.scanner.steps.resume import ATTEMPTS, Watchdog
from services.scanner.store.locks import Task, try_task
from shared.clouds.errors import UnavailableError
from shared.events import ScanCompleted, ScanShardRequested, VaultScanned
from tests.support.scanner import ASSIGNEE, EAST, Rig, a_vault, an_item


def watchdog(rig: Rig, *, stale_seconds: float = 0) -> Watchdog:
    return Watchdog(
        pool=rig.pool,
        outbox=rig.outbox,
        estate=rig.cloud,
        assignee=ASSIGNEE,
        stale_seconds=stale_seconds,
    )


async def test_shards_that_were_lost_are_sent_again_and_the_scan_ends(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    scan_id = await rig.request()
    sent = await rig.shards(scan_id)
    await rig.deliver(*sent[0])

    assert await watchdog(rig).look() == 1

    again = (await rig.shards(scan_id))[len(sent) :]
    assert [event.shard_id for event, _ in again] == [sent[1][0].shard_id]
    for shard in again:
        await rig.deliver(*shard)
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert await watchdog(rig).look() == 0


async def test_a_scan_with_progress_is_left_alone(rig: Rig) -> None:
    await rig.request()

    assert await watchdog(rig, stale_seconds=600).look() == 0


async def test_progress_of_a_single_vault_is_progress(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    scan_id = await rig.request()
    await rig.pool.execute(
        "UPDATE scanner.scan SET progress_at = now() - interval '1 hour' WHERE id = $1", scan_id
    )
    assert await watchdog(rig, stale_seconds=600).look() == 1
    await rig.pool.execute(
        "UPDATE scanner.scan SET progress_at = now() - interval '1 hour' WHERE id = $1", scan_id
    )
    await rig.pool.execute("UPDATE scanner.scan_vault SET progress_at = now()")

    assert await watchdog(rig, stale_seconds=600).look() == 0


async def test_a_scan_whose_shards_are_never_done_is_given_up_with_a_reason(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-a"), an_item("a"))
    await rig.scan()
    scan_id = await rig.request()

    for _ in range(ATTEMPTS + 1):
        assert await watchdog(rig).look() == 1

    scan = await rig.scan_row(scan_id)
    assert (scan["state"], scan["outcome"], scan["unreadable"]) == ("completed", "failed", 2)
    row = await rig.outcome_of(scan_id, "kv-a")
    assert (row["outcome"], row["items"]) == ("failed", 1)
    assert "dead letters" in row["reason"]
    assert len(await rig.inventory()) == 1
    assert len(await rig.shards(scan_id)) == 2 * (ATTEMPTS + 1)
    assert len([e for e in await rig.outbox.sent(VaultScanned) if e.scan_id == scan_id]) == 2
    assert len([e for e in await rig.outbox.sent(ScanCompleted) if e.scan_id == scan_id]) == 1
    assert await watchdog(rig).look() == 0


async def test_a_scan_whose_last_message_was_lost_after_its_last_shard_is_ended(rig: Rig) -> None:
    scan_id = await rig.request(subscription_ids=(EAST,))
    await rig.pool.execute(
        "UPDATE scanner.scan SET state = 'running', completed_at = NULL, outcome = NULL,"
        " error = NULL, vaults = NULL, unreadable = NULL, items = NULL, added = NULL,"
        " changed = NULL, removed = NULL"
    )

    await watchdog(rig).look()

    assert (await rig.scan_row(scan_id))["state"] == "completed"


async def test_a_requested_scan_is_planned_when_the_estate_can_be_listed_again(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    rig.cloud.failure = UnavailableError("Azure is down.")
    scan_id = uuid4()
    with pytest.raises(UnavailableError):
        await rig.request(scan_id=scan_id)
    await watchdog(rig).look()
    rig.cloud.failure = None
    await watchdog(rig).look()
    for shard in await rig.shards(scan_id):
        await rig.deliver(*shard)

    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_requested_scan_that_cannot_be_planned_ends_with_the_reason(rig: Rig) -> None:
    rig.cloud.failure = UnavailableError("Azure is down.", remedy="Wait.")
    scan_id = uuid4()
    with pytest.raises(UnavailableError):
        await rig.request(scan_id=scan_id)

    for _ in range(ATTEMPTS):
        await watchdog(rig).look()

    scan = await rig.scan_row(scan_id)
    assert (scan["outcome"], scan["error"]) == ("failed", "Azure is down. Wait.")


async def test_a_requested_scan_that_ends_planning_in_surprises_is_given_up_too(rig: Rig) -> None:
    rig.cloud.failure = KeyError("surprise")
    scan_id = uuid4()
    with pytest.raises(KeyError):
        await rig.request(scan_id=scan_id)
    for _ in range(ATTEMPTS):
        with pytest.raises(KeyError):
            await watchdog(rig).look()

    await watchdog(rig).look()

    scan = await rig.scan_row(scan_id)
    assert scan["outcome"] == "failed"
    assert "could not be listed" in scan["error"]
    assert await rig.outbox.sent(ScanShardRequested) == []


async def test_what_abandoned_readings_staged_is_forgotten(rig: Rig) -> None:
    await rig.pool.execute(
        "INSERT INTO scanner.staged (look, external_id, body, staged_at)"
        " VALUES ($1, 'old', '{}', now() - interval '2 days'), ($1, 'new', '{}', now())",
        uuid4(),
    )

    await watchdog(rig).look()

    rows = await rig.pool.fetch("SELECT external_id FROM scanner.staged")
    assert [row["external_id"] for row in rows] == ["new"]


async def test_replicas_that_watch_at_once_send_a_shard_again_once(rig: Rig) -> None:
    scan_id = await rig.request()
    async with rig.pool.transaction() as other:
        assert await try_task(other, Task.SCAN_WATCHDOG)
        assert await watchdog(rig).look() == 0

    assert await watchdog(rig).look() == 1
    assert len(await rig.shards(scan_id)) == 2
