"""The change feed's words: what differs between two looks, and never a value."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.changes import Change, FieldChange, What, attributes, compare
from services.scanner.domain.inventory import Item
from tests.support.scanner import DAY, NOW, a_credential, an_item

instants = st.none() | st.timedeltas(-9 * DAY, 9 * DAY).map(lambda delta: NOW + delta)
items = st.builds(
    an_item,
    st.just("x"),
    enabled=st.booleans(),
    updated_on=instants,
    expires_on=instants,
    content_type=st.none() | st.sampled_from(["text/plain", "application/x-pkcs12"]),
    tags=st.dictionaries(st.sampled_from("ab"), st.text(max_size=2), max_size=2),
    version=st.none() | st.sampled_from(["1", "2"]),
)


def test_what_is_as_it_was_is_no_change() -> None:
    assert compare(an_item(), an_item()) is None


def test_a_change_names_the_attribute_before_and_after() -> None:
    before = an_item("a", expires_on=NOW, tags={"env": "prod"})
    after = replace(before, expires_on=NOW + DAY, tags={"env": "test"})

    assert compare(before, after) == Change(
        what=What.CHANGED,
        external_id="secrets/a",
        fields=(
            FieldChange("expires_on", "2026-11-23T12:00:00+00:00", "2026-11-24T12:00:00+00:00"),
            FieldChange("tags", {"env": "prod"}, {"env": "test"}),
        ),
    )


@pytest.mark.parametrize("changes", [{}, {"enabled": False}])
def test_what_was_gone_is_restored_with_what_differs(changes: dict[str, Any]) -> None:
    change = compare(an_item(), an_item(**changes), was_gone=True)

    assert change is not None
    assert change.what is What.RESTORED
    assert {field.field for field in change.fields} == changes.keys()


def test_an_application_that_was_renamed_is_a_change() -> None:
    before = a_credential("k")
    assert before.application is not None
    after = replace(before, application=replace(before.application, display_name="billing"))
    change = compare(before, after)

    assert change is not None
    assert change.fields == (FieldChange("application_name", "payments", "billing"),)


def test_every_attribute_of_an_item_is_watched() -> None:
    never_changes = {"kind", "external_id", "credential"}
    watched = set(attributes(an_item())) - {"application_object_id", "application_id"}

    assert watched - {"application_name"} | {"application"} | never_changes == {
        field.name for field in fields(Item)
    }


@given(items, items)
def test_what_a_change_says_leads_from_the_old_item_to_the_new_one(old: Item, new: Item) -> None:
    change = compare(old, new)
    told = {field.field: field.after for field in change.fields} if change else {}

    assert (change is None) == (old == new)
    assert {**attributes(old), **told} == attributes(new)
