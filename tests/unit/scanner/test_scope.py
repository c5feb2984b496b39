"""Dividing sources by selectors: each is in one part, and the installation's scope goes first."""

from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.inventory import Subscription
from services.scanner.domain.scope import Place, divide, nothing_fits, place_of
from services.scanner.domain.sharding import Source
from shared.selector import Selector, parse_scope
from tests.support.scanner import EAST, a_vault

NAMED = {EAST: Subscription(id=EAST, name="East")}
places = st.lists(
    st.builds(
        Place,
        source=st.builds(
            Source,
            vault_id=st.integers(1, 10**6),
            subscription_id=st.none() | st.sampled_from(["a", "b"]),
            region=st.none() | st.sampled_from(["x", "y"]),
        ),
        name=st.sampled_from(["kv-a", "kv-b"]),
        subscription_name=st.none() | st.just("Prod"),
        tags=st.dictionaries(st.sampled_from(["env", "skip"]), st.sampled_from(["1", "2"])),
    )
)
selectors = st.sampled_from(
    ["", "sub:a", "-tag:skip", "vault:kv-a region:x", "source:directory", "sub:prod tag:env=1"]
).map(parse_scope)


@given(places, selectors, selectors, st.sets(st.sampled_from(["a", "b"])))
def test_what_is_excluded_is_never_looked_at_and_nothing_is_in_both(
    given_places: list[Place], selector: Selector, scope: Selector, unwatched: set[str]
) -> None:
    cut = divide(given_places, selector, scope, unwatched)
    without = divide(given_places, parse_scope(""), scope, unwatched)

    assert len(without.places) + len(without.excluded) == len(given_places)
    assert cut.excluded == without.excluded
    assert all(place in without.places for place in cut.places)
    assert not any(place.source.subscription_id in unwatched for place in cut.places)


def test_a_listed_vault_is_known_by_its_subscriptions_id_and_name() -> None:
    place = place_of(a_vault("kv-a"), "kv-a", NAMED)
    stranger = place_of(a_vault("kv-b", "sub-x"), "kv-b", NAMED)

    assert divide([place, stranger], parse_scope("sub:east"), parse_scope("")).places == (place,)
    assert place_of(None, "Microsoft Entra ID", NAMED).facts().tags == {}


def test_a_scan_of_nothing_says_which_selector_fits_nothing() -> None:
    assert "“sub:a”" in nothing_fits(parse_scope("sub:a"), parse_scope(""))
    assert "SCAN_SCOPE “sub:b”" in nothing_fits(parse_scope(""), parse_scope("sub:b"))
    nothing = parse_scope("")
    assert "No subscription is watched" in nothing_fits(nothing, nothing, unwatched=True)
    assert "“sub:a”" in nothing_fits(parse_scope("sub:a"), nothing, unwatched=True)
