"""Subscriptions that are left out of scans by choice, and come back."""

from dataclasses import replace
from typing import Any

from services.scanner.handlers import on_subscription_change_requested
from shared.audit import Action
from shared.bus import Message
from shared.events import SubscriptionChangeRequested
from tests.support.database import Database
from tests.support.scanner import DAY, EAST, WEST, Rig, a_message, a_vault, an_item


async def ask(rig: Rig, message: Message | None = None, **given: Any) -> None:
    event = SubscriptionChangeRequested(
        **{"subscription_id": EAST, "watched": False, "requested_by": "ada", **given}
    )
    await on_subscription_change_requested(
        event, message or a_message(SubscriptionChangeRequested), pool=rig.pool
    )


async def two_subscriptions(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    rig.cloud.put(a_vault("kv-west", WEST), an_item("b"))
    await rig.scan()
    rig.cloud.reads.clear()


async def recorded(database: Database, who: str) -> list[tuple[str, str, str]]:
    async with database.connection() as admin:
        rows = await admin.fetch(
            "SELECT actor, before, after FROM audit.entry WHERE action = $1 AND actor = $2"
            " ORDER BY id",
            Action.SUBSCRIPTION_CHANGED,
            who,
        )
    return [(row["actor"], row["before"], row["after"]) for row in rows]


async def test_what_is_left_out_is_not_looked_at_and_stays_as_it_was(rig: Rig) -> None:
    await two_subscriptions(rig)
    await ask(rig)
    scan_id = await rig.scan()

    assert "kv-pay" not in rig.cloud.reads
    assert "kv-west" in rig.cloud.reads
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    vault = await rig.row("SELECT * FROM scanner.vault WHERE name = 'kv-pay'")
    assert vault["excluded_at"] is not None
    assert (vault["outcome"], vault["deleted_at"]) == ("ok", None)
    assert len(await rig.inventory()) == 2


async def test_what_is_watched_again_is_looked_at_by_the_next_scan(
    rig: Rig, database: Database
) -> None:
    await two_subscriptions(rig)
    await ask(rig, requested_by="grace")
    await rig.scan()
    await ask(rig, watched=True, requested_by="grace")
    await rig.scan()

    assert "kv-pay" in rig.cloud.reads
    vault = await rig.row("SELECT * FROM scanner.vault WHERE name = 'kv-pay'")
    assert vault["excluded_at"] is None
    assert await recorded(database, "grace") == [
        ("grace", "watched", "left out"),
        ("grace", "left out", "watched"),
    ]


async def test_asked_twice_it_is_done_and_recorded_once(rig: Rig, database: Database) -> None:
    await two_subscriptions(rig)
    message = a_message(SubscriptionChangeRequested)
    for _ in range(2):
        await ask(rig, message, requested_by="hedy")
    await ask(rig, requested_by="hedy")

    assert len(await recorded(database, "hedy")) == 1


async def test_of_two_requests_the_later_one_counts_whichever_arrives_first(rig: Rig) -> None:
    await two_subscriptions(rig)
    later = a_message(SubscriptionChangeRequested)
    earlier = replace(a_message(SubscriptionChangeRequested), time=later.time - DAY)
    await ask(rig, later, requested_by="eve")
    await ask(rig, earlier, watched=True)

    row = await rig.row("SELECT * FROM scanner.subscription WHERE id = $1", EAST)
    assert (row["watched"], row["watch_requested_by"]) == (False, "eve")


async def test_a_subscription_that_nobody_saw_changes_nothing(rig: Rig, database: Database) -> None:
    await two_subscriptions(rig)
    await ask(rig, subscription_id="unknown", requested_by="ida")

    assert await recorded(database, "ida") == []


async def test_with_nothing_left_the_scan_says_so(rig: Rig) -> None:
    await two_subscriptions(rig)
    for subscription in (EAST, WEST):
        await ask(rig, subscription_id=subscription)
    scan_id = await rig.scan(subscription_ids=(EAST, WEST))

    row = await rig.row("SELECT notes FROM scanner.scan WHERE id = $1", scan_id)
    assert "No subscription is watched" in row["notes"][0]
