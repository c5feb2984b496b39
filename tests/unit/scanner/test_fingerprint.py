"""The fingerprint: equal for the same listing in any order, different for anything else."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.scanner.domain.fingerprint import Fingerprint
from services.scanner.domain.inventory import Item
from services.scanner.domain.listing import Entry
from services.scanner.domain.status import Thresholds
from tests.support.scanner import an_item

listings = st.lists(
    st.builds(
        an_item,
        st.sampled_from("abcdef"),
        enabled=st.booleans(),
        tags=st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12")),
    ),
    unique_by=lambda item: item.external_id,
)


def of(items: list[Item], thresholds: Thresholds = Thresholds()) -> bytes:  # noqa: B008 - frozen
    fingerprint = Fingerprint(thresholds)
    for item in items:
        fingerprint.add(Entry.of(item))
    return fingerprint.digest()


@given(listings, st.randoms())
def test_the_order_of_pages_and_of_tags_does_not_matter(items: list[Item], random: Random) -> None:
    shuffled = [
        structs.replace(item, tags=dict(reversed(list(item.tags.items())))) for item in items
    ]
    random.shuffle(shuffled)

    assert of(shuffled) == of(items)


@given(listings, listings)
def test_two_different_listings_differ(one: list[Item], other: list[Item]) -> None:
    same = {item.external_id: item for item in one} == {item.external_id: item for item in other}

    assert (of(one) == of(other)) == same


def test_an_item_on_two_pages_counts_as_it_was_seen_last() -> None:
    old, new = an_item(enabled=False), an_item(enabled=True)

    assert of([old, new]) == of([new])


def test_other_thresholds_make_every_listing_look_new() -> None:
    assert of([], Thresholds(warning_days=60)) != of([])
