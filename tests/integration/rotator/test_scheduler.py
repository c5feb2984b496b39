"""What policies begin: once, at the right time, whichever replica looks and whatever restarts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.rotator.domain.policy import due_at
from services.rotator.store import outlooks
from shared.events import RotationWindow
from tests.support.database import Database
from tests.support.policies import DAY, HOUR, PASSWORDS, Policies
from tests.support.rotator import KEY_ID, tenant
from tests.unit.rotator.policy_values import a_policy


@pytest.fixture
async def rules(database: Database) -> AsyncIterator[Policies]:
    async with tenant(database) as shop:
        yield Policies(shop)


async def due(rules: Policies, **policy: Any) -> UUID:
    """Return a credential that is due by a policy."""
    credential_id = await rules.shop.confirm()
    await rules.ends_in(20)
    await rules.set(**policy)
    return credential_id


async def test_what_is_due_begins_as_its_policy_says(rules: Policies) -> None:
    credential_id = await due(rules, lifetime_days=60, overlap_seconds=3 * 86_400)

    assert await rules.turn() == 1

    (begun,) = await rules.rotations()
    assert begun["trigger_key"] == f"policy:{PASSWORDS}:{credential_id}:{KEY_ID}"
    assert begun["requested_by"] == "policy:passwords"
    assert begun["overlap"] == 3 * DAY
    assert begun["lifetime"] == 60 * DAY + 3 * DAY + 30 * DAY
    assert not begun["approval_required"]
    places = await rules.shop.estate.rows("SELECT name FROM rotator.rotation_place")
    assert len(places) == len(rules.shop.secrets)
    audit = await rules.shop.estate.rows("SELECT action, actor, subject FROM audit.entry")
    assert {
        "action": "rotation:requested",
        "actor": "policy:passwords",
        "subject": str(begun["id"]),
    } in audit


async def test_looking_again_after_a_restart_begins_nothing_twice(rules: Policies) -> None:
    await due(rules)

    begun = [await rules.turn() for _ in range(3)]

    assert begun == [1, 0, 0]
    assert len(await rules.rotations()) == 1


@pytest.mark.parametrize("locked", [True, False])
async def test_ten_replicas_at_once_begin_one_rotation(
    rules: Policies, monkeypatch: pytest.MonkeyPatch, *, locked: bool
) -> None:
    async def free(_: object) -> bool:
        return True

    if not locked:
        monkeypatch.setattr(outlooks, "try_lock", free)
    await due(rules)
    async with rules.shop.estate.database.pool("rotator", max_size=10) as pool:
        begun = await asyncio.gather(*(rules.turn(pool=pool) for _ in range(10)))

    assert sum(begun) == 1
    assert len(await rules.rotations()) == 1


async def test_what_is_not_due_yet_shows_when_it_comes(rules: Policies) -> None:
    credential_id = await rules.shop.confirm()
    await rules.ends_in(60)
    await rules.set()

    assert await rules.turn() == 0

    found = await rules.outlook()
    ends_at = (await rules.now()) + 60 * DAY
    (item,) = await rules.shop.estate.rows(
        f"SELECT expires_on, not_before FROM scanner.item WHERE id = {rules.shop.app.item_id}"  # noqa: S608 - a test's id
    )
    expected = due_at(
        a_policy(rotate_before=30 * DAY),
        credential_id=credential_id,
        created_on=item["not_before"],
        expires_on=item["expires_on"],
    )
    assert (found["policy_name"], found["timeliness"]) == ("passwords", "in_time")
    assert found["warning"] is None
    assert found["next_at"] == expected
    assert abs(ends_at - 30 * DAY - found["next_at"]) <= 3 * DAY + HOUR
    assert "is the first, by priority" in found["policy_reason"]


async def test_nothing_begins_in_a_freeze_and_what_waited_begins_when_it_ends(
    rules: Policies,
) -> None:
    await due(rules)
    now = await rules.now()
    frozen = await rules.freeze(now - HOUR, now + 5 * DAY)

    assert await rules.turn() == 0
    assert (await rules.outlook())["next_at"] == now + 5 * DAY

    await rules.thaw(frozen)
    assert await rules.turn() == 1


async def test_a_freeze_until_after_the_end_is_told_once_and_shown(rules: Policies) -> None:
    await due(rules)
    now = await rules.now()
    await rules.freeze(now - HOUR, now + 30 * DAY)

    for _ in range(3):
        assert await rules.turn() == 0

    found = await rules.outlook()
    assert found["timeliness"] == "late"
    assert "frozen: year's end" in found["warning"]
    (told,) = rules.told()
    assert told.warning == found["warning"]
    assert told.timeliness == "late"


async def test_before_a_freeze_until_after_the_end_it_is_brought_forward(rules: Policies) -> None:
    await rules.shop.confirm()
    await rules.ends_in(60)
    await rules.set()
    now = await rules.now()
    await rules.freeze(now + timedelta(minutes=10), now + 70 * DAY)

    assert await rules.turn() == 1


async def test_outside_its_windows_nothing_begins(rules: Policies) -> None:
    opens_at = ((await rules.now()) + 6 * HOUR).replace(minute=0, second=0, microsecond=0)
    window = RotationWindow(opens=f"0 {opens_at.hour} * * *", lasts_minutes=60)
    await due(rules, windows=(window,))

    assert await rules.turn() == 0
    assert (await rules.outlook())["next_at"] == opens_at

    always = RotationWindow(opens="*/15 * * * *", lasts_minutes=60)
    await rules.set(windows=(window, always))
    assert await rules.turn() == 1


async def test_a_policy_that_is_switched_off_begins_nothing(rules: Policies) -> None:
    await due(rules, enabled=False)

    assert await rules.turn() == 0

    found = await rules.outlook()
    assert "disabled" in found["policy_reason"]
    assert (found["policy_name"], found["next_at"]) == (None, None)
    await rules.set(enabled=True)
    assert await rules.turn() == 1


async def test_a_changed_policy_counts_from_the_next_look_on(rules: Policies) -> None:
    await due(rules, rotate_before_days=5)
    assert await rules.turn() == 0

    await rules.set(rotate_before_days=40)

    assert await rules.turn() == 1


async def test_a_removed_policy_begins_nothing(rules: Policies) -> None:
    await due(rules)
    await rules.set(removed=True)

    assert await rules.turn() == 0
    assert (await rules.outlook())["policy_reason"] == "No policy means this credential."


@pytest.mark.parametrize("by", ["policy", "setting"])
async def test_where_an_approval_is_asked_for_the_rotation_waits_for_it(
    rules: Policies, by: str
) -> None:
    await due(rules, requires_approval=by == "policy")

    await rules.turn(approval_required=by == "setting")

    (begun,) = await rules.rotations()
    assert begun["approval_required"]


async def test_a_credential_that_is_set_aside_is_left_alone(rules: Policies) -> None:
    await due(rules)
    await rules.freeze(await rules.now() - HOUR, await rules.now() + DAY)
    await rules.turn()
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute("UPDATE rotator.credential SET state = 'quarantined'")

    assert await rules.turn() == 0
    assert (await rules.outlook())["policy_reason"] is None


async def test_more_credentials_than_one_batch_are_all_looked_at(
    rules: Policies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.rotator.steps.scheduler.BATCH", 1)
    await due(rules)
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute(
            "INSERT INTO rotator.credential SELECT gen_random_uuid(), driver, target, subject,"
            " key_id, state, lifetime, overlap FROM rotator.credential, generate_series(1, 4)"
        )

    assert await rules.turn() == 5
