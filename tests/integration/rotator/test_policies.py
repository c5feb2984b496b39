"""Policies and freezes as people ask for them: the later counts, and nonsense is refused."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.rotator import handlers
from services.rotator.store import policies as store
from shared.errors import PermanentError
from shared.events import (
    RotationFreezeChangeRequested,
    RotationPolicyChangeRequested,
    RotationWindow,
)
from tests.support.alerting import NOW
from tests.support.database import Database
from tests.support.policies import DAY, HOUR, PASSWORDS, Policies
from tests.support.rotator import message, nobody, tenant

AUDIT = "SELECT action, actor, scope, after FROM audit.entry WHERE service = 'rotator' ORDER BY id"


@pytest.fixture
async def rules(database: Database) -> AsyncIterator[Policies]:
    async with tenant(database) as shop:
        yield Policies(shop)


def wanted(**changes: Any) -> RotationPolicyChangeRequested:
    given = {"name": "passwords", "selector": "name:*", "requested_by": "ada"}
    return RotationPolicyChangeRequested(policy_id=PASSWORDS, **{**given, **changes})


async def names(rules: Policies) -> list[str]:
    return [
        row["name"] for row in await rules.shop.estate.rows("SELECT name FROM rotator.v_policy")
    ]


async def test_a_policy_is_stored_as_it_was_asked_for(rules: Policies) -> None:
    window = RotationWindow(opens="0 2 * * 6", time_zone="Europe/Berlin", lasts_minutes=240)
    await rules.set(windows=(window,), priority=7, requires_approval=True, lifetime_days=120)

    async with rules.shop.pool.acquire() as conn:
        (found,) = await store.list_policies(conn)

    assert (found.id, found.name, found.priority) == (PASSWORDS, "passwords", 7)
    assert (found.lifetime, found.lead, found.overlap) == (120 * DAY, 30 * DAY, 2 * DAY)
    (stored,) = found.windows
    assert (stored.opens.expression, stored.opens.time_zone) == ("0 2 * * 6", "Europe/Berlin")
    assert stored.lasts == 4 * HOUR
    assert found.requires_approval
    (entry,) = await rules.shop.estate.rows(AUDIT)
    assert (entry["action"], entry["actor"]) == ("rotation-policy:changed", "ada")
    assert entry["after"] == "enabled, priority 7, 30 d before: kind:app_secret"


@pytest.mark.parametrize("first", ["set", "removed"])
async def test_of_two_requests_the_later_counts_whichever_comes_first(
    rules: Policies, first: str
) -> None:
    later, earlier = wanted(removed=first == "removed"), wanted(removed=first != "removed")
    for event, time in ((later, NOW + HOUR), (earlier, NOW)):
        await handlers.on_rotation_policy_change_requested(
            event, message(event, time=time), pool=rules.shop.pool, wake=nobody
        )

    assert await names(rules) == ([] if first == "removed" else ["passwords"])
    assert len(await rules.shop.estate.rows(AUDIT)) == 1


async def test_a_policy_may_be_removed_and_its_name_used_again(rules: Policies) -> None:
    await rules.set()
    await rules.set(removed=True, name="")
    await rules.set(UUID(int=78))

    assert await names(rules) == ["passwords"]
    actions = [row["action"].partition(":")[2] for row in await rules.shop.estate.rows(AUDIT)]
    assert actions == ["changed", "removed", "changed"]


async def test_no_two_policies_have_one_name(rules: Policies) -> None:
    await rules.set()

    with pytest.raises(PermanentError, match="another one is called “Passwords”"):
        await rules.set(UUID(int=78), name="Passwords")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Name the policy"),
        ({"selector": "colour:red"}, "selector"),
        ({"overlap_seconds": 1}, "only an emergency"),
        ({"rotate_before_days": 60}, "first half"),
        ({"lifetime_days": 10**9 + 1}, "was not stored"),
        ({"windows": (RotationWindow(opens="never", lasts_minutes=60),)}, "cron"),
        ({"windows": (RotationWindow(opens="0 2 * * *", lasts_minutes=1),)}, "15 minutes"),
    ],
)
async def test_a_policy_that_cannot_be_meant_is_refused_with_what_to_change(
    rules: Policies, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(PermanentError, match=words):
        await rules.set(**changes)

    assert await names(rules) == []


async def test_a_freeze_stands_until_it_is_taken_back_or_over(rules: Policies) -> None:
    now = await rules.now()
    frozen = await rules.freeze(now, now + DAY)
    await rules.freeze(now - 2 * DAY, now - DAY)

    async with rules.shop.pool.acquire() as conn:
        (found,) = await store.list_freezes(conn)
        assert (found.starts_at, found.ends_at, found.reason) == (now, now + DAY, "year's end")
        await rules.thaw(frozen)
        assert await store.list_freezes(conn) == []
    actions = [row["action"] for row in await rules.shop.estate.rows(AUDIT)]
    assert actions == ["rotation-freeze:added"] * 2 + ["rotation-freeze:removed"]


async def test_a_freeze_is_changed_under_its_id(rules: Policies) -> None:
    now = await rules.now()
    frozen = await rules.freeze(now, now + DAY)

    await rules.freeze(now, now + 2 * DAY, frozen)

    (found,) = await rules.shop.estate.rows("SELECT id, ends_at FROM rotator.v_freeze")
    assert found == {"id": frozen, "ends_at": now + 2 * DAY}


async def test_a_late_request_does_not_bring_a_freeze_back(rules: Policies) -> None:
    frozen = UUID(int=5)
    await rules.thaw(frozen)
    event = RotationFreezeChangeRequested(
        freeze_id=frozen, starts_at=NOW, ends_at=NOW + DAY, reason="late", requested_by="ada"
    )

    await handlers.on_rotation_freeze_change_requested(
        event, message(event, time=NOW - timedelta(days=400)), pool=rules.shop.pool, wake=nobody
    )

    assert await rules.shop.estate.rows("SELECT id FROM rotator.freeze") == []


async def test_a_freeze_that_cannot_be_meant_is_refused(rules: Policies) -> None:
    with pytest.raises(PermanentError, match="ends after it starts"):
        await rules.freeze(NOW, NOW)
    event = RotationFreezeChangeRequested(freeze_id=UUID(int=5), requested_by="ada", reason="x")
    with pytest.raises(PermanentError, match="when it starts and when it ends"):
        await handlers.on_rotation_freeze_change_requested(
            event, message(event), pool=rules.shop.pool, wake=nobody
        )
