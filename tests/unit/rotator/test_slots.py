"""What must be so before a key is renewed, as people read it in a plan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.rotator.domain.plan import Plan, make_plan
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.slots import endangered
from services.rotator.domain.standing import Held, Standing, slot_of
from services.rotator.domain.state import State
from services.rotator.domain.version import Version
from shared.events.items import CredentialRef, ItemKind

IN_USE, OTHER = "key1:00aa", "key2:00bb"
KEYS = Standing(
    credentials=(Held(IN_USE, None, None, "key1"), Held(OTHER, None, None, "key2")),
    warnings=("What was signed ends.",),
)
PASSWORDS = Standing(credentials=(Held("key1", None, None),))
REFERENCE = CredentialRef(item_id=1, kind=ItemKind.SECRET, name="db", container="kv")
PLACE = Place(id=UUID(int=1), vault_url="https://kv.test/", name="db", reference=REFERENCE)
VERSION = Version(id="v1", created_on=datetime(2026, 3, 1, tzinfo=UTC))


def rotation(old: str | None = IN_USE, **more: timedelta) -> Rotation:
    spans = {"overlap": timedelta(days=2), "lifetime": timedelta(days=90)} | more
    return Rotation(
        id=UUID(int=2),
        credential_id=UUID(int=3),
        driver="storage_key",
        target="/resource",
        subject=REFERENCE,
        state=State.REQUESTED,
        places=(PLACE,),
        old_key_id=old,
        **spans,
    )


def planned(old: str | None = IN_USE, held: str | None = IN_USE, **more: timedelta) -> Plan:
    return make_plan(rotation(old, **more), KEYS, {PLACE: VERSION}, {PLACE: held})


def test_a_place_that_holds_the_key_in_use_stands_in_nobodys_way() -> None:
    assert planned().refusals == ()
    assert endangered(KEYS, IN_USE, {}) == []


@pytest.mark.parametrize(
    ("held", "sentence"), [(OTHER, "holds the other key"), (None, "connection string")]
)
def test_a_place_that_holds_anything_else_is_refused(held: str | None, sentence: str) -> None:
    (refusal,) = planned(held=held).refusals

    assert sentence in refusal
    assert "“db” in https://kv.test/" in refusal


@pytest.mark.parametrize("old", [None, "key3", "key3:00cc"])
def test_a_key_that_the_target_does_not_have_is_refused(old: str | None) -> None:
    (refusal,) = planned(old).refusals

    assert "confirm again which key is in use" in refusal


@pytest.mark.parametrize("old", ["key1", "key1:renewed by hand", IN_USE])
def test_a_slot_stands_for_the_key_that_it_holds_now(old: str) -> None:
    plan = planned(old)

    assert plan.rotation.old_key_id == IN_USE
    assert plan.refusals == ()
    assert plan.document()["replaces"] == IN_USE


def test_a_plan_says_who_is_locked_out_at_once_and_that_keys_do_not_end() -> None:
    plan = planned()
    shown = " ".join(plan.steps)

    assert "Renew the key that is not in use" in shown
    assert "locked out at that moment" in shown
    assert "Renew key1 too" in shown
    assert "90 days" not in shown
    assert plan.warnings == ("What was signed ends.",)


def test_a_key_without_an_end_may_overlap_for_as_long_as_somebody_wants() -> None:
    assert planned(overlap=timedelta(days=90), lifetime=timedelta(days=1)).refusals == ()


def test_what_has_no_slots_is_not_asked_what_its_places_hold() -> None:
    plan = make_plan(rotation("gone"), PASSWORDS, {PLACE: VERSION}, {PLACE: None})

    assert plan.refusals == ()
    assert plan.warnings == ("The target does not list the credential gone (any more).",)
    assert "Remove the old credential gone" in " ".join(plan.steps)
    nobody = make_plan(replace(rotation(), old_key_id=None), PASSWORDS, {PLACE: VERSION})
    assert "Remove nothing" in " ".join(nobody.steps)


def test_the_slot_stands_before_the_colon() -> None:
    assert [slot_of(each) for each in ("key1", "key1:00", "")] == ["key1", "key1", ""]
