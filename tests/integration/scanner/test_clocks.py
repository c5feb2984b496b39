"""Clocks that are behind, ahead, or were: what is expired is expired everywhere alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.scanner.domain.status import judge
from services.scanner.steps.sweep import sweep
from shared.events import SecretExpiring
from tests.support.scanner import DAY, Rig, a_credential, a_vault, an_item

HOUR = timedelta(hours=1)
TODAY = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "ends soon"])
async def test_step_event_and_inventory_judge_by_the_databases_clock_and_say_the_same(
    rig: Rig, *, ended: bool
) -> None:
    end = TODAY + (-HOUR if ended else HOUR) / 2
    rig.cloud.put(a_vault(), an_item("a", expires_on=end))
    await rig.scan()

    await sweep(rig.pool, rig.outbox)

    [event] = await rig.outbox.sent(SecretExpiring)
    row = await rig.row("SELECT status, days_left FROM scanner.v_item")
    assert (event.threshold_days, event.status) == ((0, "expired") if ended else (1, "critical"))
    assert (row["status"], row["days_left"]) == (event.status, -1 if ended else 0)


@pytest.mark.parametrize("seconds", [-3600, -1, 0, 1, 3600])
async def test_the_last_step_and_the_status_expired_come_at_the_same_instant(
    rig: Rig, seconds: int
) -> None:
    item = an_item("a", expires_on=TODAY)
    rig.cloud.put(a_vault(), item)
    await rig.scan()
    now = TODAY + timedelta(seconds=seconds)

    await sweep(rig.pool, rig.outbox, now=now)

    [event] = await rig.outbox.sent(SecretExpiring)
    assert (event.threshold_days == 0) == (event.status == "expired") == (seconds >= 0)
    assert event.status == judge(item, now).value


async def test_an_end_that_a_clock_ahead_announced_is_not_announced_again(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a", expires_on=TODAY + HOUR / 2))
    await rig.scan()

    for skew in (HOUR, timedelta(), -HOUR, timedelta(), HOUR):
        await sweep(rig.pool, rig.outbox, now=TODAY + skew)

    assert [e.threshold_days for e in await rig.outbox.sent(SecretExpiring)] == [0]


async def test_a_predecessor_counts_again_when_a_clock_comes_back_from_far_ahead(rig: Rig) -> None:
    """By that clock its successor had begun, and its own ladder was over."""
    old = a_credential("old", expires_on=TODAY + 5 * DAY)
    new = a_credential("new", not_before=TODAY + DAY, expires_on=TODAY + 9000 * DAY)
    rig.cloud.credentials_seen = [old, new]
    await rig.scan()
    assert await sweep(rig.pool, rig.outbox, now=TODAY + 3652 * DAY) == 0

    assert await sweep(rig.pool, rig.outbox, now=TODAY) == 1

    [event] = await rig.outbox.sent(SecretExpiring)
    assert (event.expires_on, event.threshold_days) == (old.expires_on, 7)


async def test_a_listing_from_the_future_does_not_hide_what_is_read_now(rig: Rig) -> None:
    item = an_item("a", expires_on=TODAY + 5 * DAY)
    rig.cloud.put(a_vault(), item)
    await rig.scan()
    await rig.pool.execute("UPDATE scanner.vault SET listed_at = now() + interval '10 years'")
    rig.cloud.of("kv-pay")[0] = replace(item, expires_on=TODAY + 300 * DAY)

    await rig.scan()

    row = await rig.row("SELECT expires_on FROM scanner.v_item")
    assert row["expires_on"] == TODAY + 300 * DAY


async def test_a_sibling_changed_by_a_clock_ahead_is_looked_at_when_its_successor_goes(
    rig: Rig,
) -> None:
    old = a_credential("old", expires_on=TODAY + 2 * DAY)
    new = a_credential("new", not_before=TODAY - DAY, expires_on=TODAY + 200 * DAY)
    rig.cloud.credentials_seen = [old, new]
    await rig.scan()
    await rig.pool.execute("UPDATE scanner.item SET changed_at = now() + interval '10 years'")
    assert await sweep(rig.pool, rig.outbox) == 0
    rig.cloud.credentials_seen = [old]
    await rig.scan()

    assert await sweep(rig.pool, rig.outbox) == 1
