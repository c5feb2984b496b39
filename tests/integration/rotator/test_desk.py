"""What people ask of the rotator: asked twice, too late or wrongly, it stays right."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.rotator import handlers
from shared.errors import PermanentError
from shared.events import ItemKind, RotationRequested, SyncCompleted
from shared.events.rotation import PauseScope, RotationChange
from tests.support.alerting import NOW
from tests.support.database import Database
from tests.support.rotator import APP_ID, KEY_ID, OBJECT_ID, Tenant, message, nobody, tenant

AUDIT = "SELECT action, actor, subject FROM audit.entry WHERE service = 'rotator' ORDER BY id"


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Tenant]:
    async with tenant(database) as shop:
        yield shop


async def test_a_confirmed_credential_has_its_target_its_key_and_its_places(shop: Tenant) -> None:
    credential_id = await shop.confirm()

    found = await shop.row("credential", credential_id)
    assert found["target"] == f"{OBJECT_ID}/{APP_ID}"
    assert found["key_id"] == KEY_ID
    assert found["overlap"] == timedelta(hours=48)
    places = await shop.estate.rows("SELECT name FROM rotator.place ORDER BY position")
    assert [place["name"] for place in places] == ["shop-password-0", "shop-password-1"]
    assert {
        "action": "rotation:confirmed",
        "actor": "ada",
        "subject": str(credential_id),
    } in await shop.estate.rows(AUDIT)


async def test_two_credentials_never_share_a_place(shop: Tenant) -> None:
    await shop.confirm(shop.secrets[0])

    with pytest.raises(PermanentError, match="overwrite each other"):
        await shop.confirm(*shop.secrets)


async def test_what_is_not_an_applications_secret_is_not_rotated(shop: Tenant) -> None:
    with pytest.raises(PermanentError, match="not the secret of an application"):
        await shop.confirm(item=shop.secrets[0])


async def test_only_secrets_that_are_there_become_places(shop: Tenant) -> None:
    key = await shop.estate.add("signing", kind=ItemKind.KEY)
    await shop.estate.delete(shop.secrets[1])

    for place in (key, shop.secrets[1]):
        with pytest.raises(PermanentError, match="Not all of these"):
            await shop.confirm(shop.secrets[0], place)

    assert await shop.estate.rows("SELECT id FROM rotator.credential") == []


async def test_a_request_that_comes_ten_times_begins_one_rotation(shop: Tenant) -> None:
    credential_id = await shop.confirm()

    rotation_id = await shop.ask(credential_id, times=10)

    rows = await shop.estate.rows("SELECT id, state, old_key_id FROM rotator.rotation")
    assert rows == [{"id": rotation_id, "state": "requested", "old_key_id": KEY_ID}]
    places = await shop.estate.rows("SELECT rotation_id FROM rotator.rotation_place")
    assert len(places) == len(shop.secrets)


async def test_a_second_request_finds_the_sentence_on_why_it_did_not_begin(shop: Tenant) -> None:
    credential_id = await shop.confirm()
    await shop.ask(credential_id)

    second = await shop.row("rotation", await shop.ask(credential_id))

    assert second["state"] == "abandoned"
    assert "under way" in second["reason"]


@pytest.mark.parametrize(
    ("state", "words"), [("quarantined", "a person has to look"), ("released", "no longer")]
)
async def test_what_is_set_aside_is_not_rotated(shop: Tenant, state: str, words: str) -> None:
    credential_id = await shop.confirm()
    async with shop.estate.database.connection() as conn:
        await conn.execute("UPDATE rotator.credential SET state = $1", state)

    refused = await shop.row("rotation", await shop.ask(credential_id))

    assert refused["over"]
    assert words in refused["reason"]


async def test_confirming_again_lets_a_quarantined_credential_be_rotated(shop: Tenant) -> None:
    credential_id = await shop.confirm()
    await shop.release(credential_id)
    assert (await shop.row("credential", credential_id))["state"] == "released"

    again = await shop.confirm()

    assert (await shop.row("rotation", await shop.ask(again)))["state"] == "requested"


async def test_nothing_is_released_while_it_is_rotated(shop: Tenant) -> None:
    credential_id = await shop.confirm()
    await shop.ask(credential_id)

    with pytest.raises(PermanentError, match="under way"):
        await shop.release(credential_id)


async def test_an_unknown_credential_is_refused_with_what_to_do(shop: Tenant) -> None:
    with pytest.raises(PermanentError, match="confirm first"):
        await shop.ask(uuid4())


async def test_an_emergency_has_no_overlap(shop: Tenant) -> None:
    rotation_id = await shop.ask(await shop.confirm(), emergency=True)

    assert (await shop.row("rotation", rotation_id))["overlap"] == timedelta(0)


async def waiting(shop: Tenant) -> UUID:
    """Return a rotation that waits for an approval of the plan `ab`."""
    rotation_id = await shop.ask(await shop.confirm(), approval=True)
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            "UPDATE rotator.rotation SET state = 'awaiting_approval', plan_hash = 'ab'"
        )
    return rotation_id


async def test_somebody_else_approves_the_plan_that_was_shown(shop: Tenant) -> None:
    rotation_id = await waiting(shop)

    await shop.want(rotation_id, RotationChange.APPROVE, requested_by="grace", plan_hash="ab")

    found = await shop.row("rotation", rotation_id)
    assert found["state"] == "scheduled"
    assert (found["approved_by"], found["approved_hash"]) == ("grace", "ab")
    assert "approval:given" in {row["action"] for row in await shop.estate.rows(AUDIT)}


@pytest.mark.parametrize(
    ("approver", "plan_hash", "words"),
    [
        ("ada", "ab", "Somebody else"),
        ("grace", "cd", "not the plan"),
        ("grace", None, "not the plan"),
    ],
)
async def test_an_approval_by_oneself_or_of_another_plan_counts_for_nothing(
    shop: Tenant, approver: str, plan_hash: str | None, words: str
) -> None:
    rotation_id = await waiting(shop)

    with pytest.raises(PermanentError, match=words):
        await shop.want(
            rotation_id, RotationChange.APPROVE, requested_by=approver, plan_hash=plan_hash
        )

    assert (await shop.row("rotation", rotation_id))["state"] == "awaiting_approval"


async def test_an_approval_of_yesterdays_plan_counts_for_nothing(shop: Tenant) -> None:
    rotation_id = await waiting(shop)
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            "UPDATE rotator.rotation SET changed_at = changed_at - interval '24 hours'"
        )

    with pytest.raises(PermanentError, match="24 hours"):
        await shop.want(rotation_id, RotationChange.APPROVE, requested_by="grace", plan_hash="ab")


async def test_what_waits_for_nobody_cannot_be_approved(shop: Tenant) -> None:
    rotation_id = await shop.ask(await shop.confirm())

    for unknown in (rotation_id, uuid4()):
        with pytest.raises(PermanentError, match="approve"):
            await shop.want(unknown, RotationChange.APPROVE, requested_by="grace", plan_hash="ab")


async def test_the_database_itself_refuses_an_approval_by_the_requester(shop: Tenant) -> None:
    await waiting(shop)
    async with shop.estate.database.connection() as conn:
        with pytest.raises(Exception, match="rotation_four_eyes"):
            await conn.execute("UPDATE rotator.rotation SET approved_by = requested_by")


WISHES = [
    (RotationChange.WITHDRAW, "requested", "withdraw"),
    (RotationChange.REJECT, "awaiting_approval", "withdraw"),
    (RotationChange.ROLL_BACK, "overlap", "roll_back"),
    (RotationChange.ROLL_BACK, "requested", None),
    (RotationChange.ROLL_BACK, "retiring", None),
    (RotationChange.WITHDRAW, "creating", None),
]


@pytest.mark.parametrize(("change", "state", "wanted"), WISHES)
async def test_what_a_person_wants_is_noted_while_it_can_be_heeded(
    shop: Tenant, change: RotationChange, state: str, wanted: str | None
) -> None:
    rotation_id = await shop.ask(await shop.confirm())
    async with shop.estate.database.connection() as conn:
        await conn.execute("UPDATE rotator.rotation SET state = $1", state)

    await shop.want(rotation_id, change)

    assert (await shop.row("rotation", rotation_id))["wanted"] == wanted


async def test_of_two_switches_the_later_counts_whichever_comes_first(shop: Tenant) -> None:
    later, earlier = NOW + timedelta(minutes=1), NOW

    await shop.pause(paused=False, time=later)
    await shop.pause(paused=True, time=earlier)

    assert await shop.estate.rows("SELECT scope FROM rotator.pause") == []


async def test_a_pause_stands_until_it_is_resumed(shop: Tenant) -> None:
    await shop.pause(paused=True)
    (held,) = await shop.estate.rows("SELECT scope, paused_by, reason FROM rotator.pause")

    await shop.pause(paused=False, time=NOW + timedelta(minutes=1))

    assert held == {"scope": "everything", "paused_by": "ada", "reason": "an incident"}
    assert await shop.estate.rows("SELECT scope FROM rotator.pause") == []
    actions = [row["action"] for row in await shop.estate.rows(AUDIT)]
    assert actions == ["rotation:paused", "rotation:resumed"]


async def test_a_pause_names_what_it_holds(shop: Tenant) -> None:
    with pytest.raises(PermanentError, match="Name a subscription"):
        await shop.pause(paused=True, scope=PauseScope.CREDENTIAL)


async def test_a_copy_that_arrived_lets_its_rotation_look_again(shop: Tenant) -> None:
    rotation_id = await shop.ask(await shop.confirm())
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            "UPDATE rotator.rotation SET state = 'syncing', due_at = now() + interval '1 hour'"
        )
    event = SyncCompleted(
        mapping_id=uuid4(),
        credential=shop.app,
        rotation_id=rotation_id,
        source_version="v2",
        completed_at=NOW,
    )

    await handlers.on_sync_completed(event, message(event), pool=shop.pool, wake=nobody)

    (row,) = await shop.estate.rows("SELECT due_at <= now() AS due FROM rotator.rotation")
    assert row["due"]


async def test_a_request_names_the_credential_it_means(shop: Tenant) -> None:
    with pytest.raises(ValueError, match="credential_id"):
        RotationRequested.model_validate(
            {"rotation_id": uuid4(), "credential": shop.app, "requested_by": "ada"}
        )
