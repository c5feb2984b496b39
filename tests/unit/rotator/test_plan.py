"""What a plan refuses, and what an approval of it is bound to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.rotator.domain.plan import MOST_TAGS, Plan, make_plan
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.standing import Held, Standing
from services.rotator.domain.state import State
from services.rotator.domain.version import Version
from shared.events.items import CredentialRef, ItemKind

REFERENCE = CredentialRef(item_id=1, kind=ItemKind.SECRET, name="db", container="kv")
PLACE = Place(id=UUID(int=1), vault_url="https://kv.test/", name="db", reference=REFERENCE)
VERSION = Version(id="v1", created_on=datetime(2026, 3, 1, tzinfo=UTC))
STANDING = Standing(credentials=(Held("old", None, None),))
ROTATION = Rotation(
    id=UUID(int=2),
    credential_id=UUID(int=3),
    driver="entra-app-secret",
    target="app",
    subject=REFERENCE,
    state=State.REQUESTED,
    places=(PLACE,),
    overlap=timedelta(days=2),
    lifetime=timedelta(days=90),
    old_key_id="old",
)


def planned(standing: Standing = STANDING, version: Version = VERSION) -> Plan:
    return make_plan(ROTATION, standing, {PLACE: version})


def test_what_can_be_done_is_refused_by_nothing() -> None:
    plan = planned(replace(STANDING, room=1))

    assert plan.refusals == ()
    assert plan.document()["refusals"] == []
    assert any("“db” in https://kv.test/" in step for step in plan.steps)


def test_a_target_that_is_full_is_refused_before_anything_is_made() -> None:
    (refusal,) = planned(replace(STANDING, room=0)).refusals

    assert "no room for one more credential" in refusal


def test_a_targets_own_reason_is_repeated() -> None:
    assert planned(replace(STANDING, refusal="A policy forbids it.")).refusals == (
        "A policy forbids it.",
    )


def test_a_credential_that_is_kept_nowhere_is_refused() -> None:
    (refusal,) = make_plan(replace(ROTATION, places=()), STANDING, {}).refusals

    assert "confirm where it is kept" in refusal


@pytest.mark.parametrize(
    ("longest", "told"),
    [(timedelta(days=2), "2 days|48 hours"), (timedelta(hours=5), "5 hours")],
)
def test_a_credential_that_would_end_before_the_old_one_goes_is_refused(
    longest: timedelta, told: str
) -> None:
    (refusal,) = planned(replace(STANDING, longest=longest)).refusals

    assert any(f"may live {each} only" in refusal for each in told.split("|"))
    assert "Choose a shorter overlap" in refusal


def test_a_secret_whose_tags_leave_no_room_for_ours_is_refused_with_how_many_must_go() -> None:
    tags = {f"tag{number}": "kept" for number in range(MOST_TAGS)}

    (refusal,) = planned(version=replace(VERSION, tags=tags)).refusals

    assert f"“db” has {MOST_TAGS} tags of its own" in refusal
    assert "remove 4 of them" in refusal


def test_an_approval_holds_for_what_will_be_changed_and_not_for_its_wording() -> None:
    plan = planned()

    assert plan.digest == planned(replace(STANDING, warnings=("Look at this.",))).digest
    assert plan.digest != planned(version=replace(VERSION, id="v2")).digest
    assert plan.digest != planned(replace(STANDING, longest=timedelta(days=30))).digest
