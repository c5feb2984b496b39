"""What a policy can ask about a credential: facts of it and of every place, never a guess."""

import pytest

from services.rotator.domain.described import Described, Kept, facts_of
from shared.events import CredentialRef, ItemKind
from shared.selector import Verdict, parse
from tests.unit.rotator.described_values import a_place, described


def verdict(selector: str, one: Described) -> Verdict:
    return parse(selector).verdict(facts_of(one))


@pytest.mark.parametrize(
    "selector",
    [
        "kind:app_secret",
        "source:directory",
        "status:healthy",
        "owner:ada@contoso.example",
        "name:deploy",
        "name:shop",
        "name:shop-password",
        "vault:kv-prod",
        "vault:kv-test",
        "sub:s-1",
        "sub:payments",
        "region:weu",
        "tag:env=prod",
        "tag:env=test",
        "tag:tier=gold",
        "-tag:skip=true",
    ],
)
def test_a_selector_asks_about_the_credential_and_all_its_places(selector: str) -> None:
    test = a_place(vault="kv-test", tags={"env": "test"}, vault_tags={"tier": "gold"})

    assert verdict(selector, described(a_place(tags={"env": "prod"}), test)) is Verdict.YES


@pytest.mark.parametrize("holder", ["tags", "vault_tags"])
def test_what_one_place_excludes_is_excluded(holder: str) -> None:
    skipped = a_place(**{holder: {"skip": "true"}})

    assert verdict("kind:app_secret -tag:skip=true", described(a_place(), skipped)) is Verdict.NO


@pytest.mark.parametrize("selector", ["vault:*", "sub:*", "region:*", "name:*", "tag:x", "-tag:x"])
def test_a_place_that_is_not_known_leaves_what_it_would_say_open(selector: str) -> None:
    assert verdict(selector, described(a_place(), None)) is Verdict.UNKNOWN


def test_a_status_and_owners_that_are_not_known_are_no_facts() -> None:
    one = described(a_place(), status=None, owners=None)

    assert verdict("status:healthy", one) is Verdict.UNKNOWN
    assert verdict("owner:*", one) is Verdict.UNKNOWN


def test_a_credential_of_a_vault_is_from_a_vault_and_a_region_may_be_missing() -> None:
    subject = CredentialRef(item_id=1, kind=ItemKind.SECRET, name="account", container="kv")
    place: Kept = a_place(region=None)
    one = Described(subject=subject, status="healthy", owners=(), places=(place,))

    assert verdict("source:vault", one) is Verdict.YES
    assert verdict("region:*", one) is Verdict.NO
