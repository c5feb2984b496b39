"""Applications and service principals: what changed, what is unknown, what counts once."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.changes import What
from services.scanner.domain.directory import (
    ApplicationKind,
    DirectoryObject,
    FederatedCredential,
    Owner,
    compare,
    keep_known,
    link,
)
from services.scanner.domain.inventory import Credential, Item, ItemKind
from services.scanner.domain.threshold import decide, is_newest
from tests.support.scanner import DAY, NOW, a_credential

ADA, BEN = (Owner(id=name, kind="user", display_name=name) for name in ("ada", "ben"))
MAIN = FederatedCredential(id="f1", name="main", issuer="https://issuer", subject="repo:main")


def an_object(**changes: Any) -> DirectoryObject:
    given_ = {
        "kind": ApplicationKind.SERVICE_PRINCIPAL,
        "object_id": "object",
        "app_id": "app",
        "display_name": "payments",
        "enabled": True,
        "owners": (ADA,),
        "federated": (),
        **changes,
    }
    return DirectoryObject(**given_)


def test_an_object_that_is_seen_again_as_it_was_has_no_entry() -> None:
    assert compare(an_object(), an_object()) is None


def test_a_new_one_is_added_and_one_that_comes_back_restored() -> None:
    added = compare(None, an_object())
    restored = compare(an_object(), an_object(enabled=False), was_gone=True)

    assert added
    assert added.what is What.ADDED
    assert restored
    assert (restored.what, len(restored.fields)) == (What.RESTORED, 1)


@pytest.mark.parametrize(
    ("after", "field", "old", "new"),
    [
        ({"enabled": False}, "enabled", True, False),
        ({"audience": "AzureADMultipleOrgs"}, "audience", None, "AzureADMultipleOrgs"),
        ({"display_name": "pay"}, "display_name", "payments", "pay"),
        ({"tags": ("a",)}, "tags", (), ("a",)),
        ({"signing_thumbprint": "00"}, "signing_thumbprint", None, "00"),
    ],
)
def test_an_attribute_that_differs_is_told_before_and_after(
    after: dict[str, Any], field: str, old: object, new: object
) -> None:
    change = compare(an_object(), an_object(**after))

    assert change
    assert change.fields == ({"field": field, "before": old, "after": new},)


def test_each_owner_and_each_federated_credential_that_comes_or_goes_is_an_entry() -> None:
    moved = replace(MAIN, subject="repo:other")
    change = compare(
        an_object(owners=(ADA,), federated=(MAIN,)), an_object(owners=(BEN,), federated=(moved,))
    )

    assert change
    told = [(f["field"], f["before"] and f["before"]["id"], f["after"] and f["after"]["id"])
            for f in change.fields]  # fmt: skip
    assert told == [
        ("owner", "ada", None),
        ("owner", None, "ben"),
        ("federated_credential", "f1", "f1"),
    ]


def test_owners_that_could_not_be_looked_up_stay_as_they_were_known() -> None:
    unknown = an_object(owners=None, federated=None)

    assert keep_known(None, unknown) == unknown
    assert keep_known(an_object(federated=(MAIN,)), unknown) == an_object(federated=(MAIN,))
    assert keep_known(an_object(), an_object(owners=())) == an_object(owners=())


def test_learning_the_owners_for_the_first_time_is_no_change() -> None:
    assert compare(an_object(owners=None, federated=None), an_object(federated=(MAIN,))) is None


def signing(kind: ItemKind, key_id: str, usage: str | None, identifier: str | None) -> Item:
    return a_credential(
        key_id,
        kind=kind,
        name="CN=Microsoft Azure Federated SSO Certificate",
        expires_on=NOW + 20 * DAY,
        credential=Credential(key_id=key_id, usage=usage, custom_key_identifier=identifier),
    )


SIGN = signing(ItemKind.APP_CERTIFICATE, "a", "Sign", "x")
VERIFY = signing(ItemKind.APP_CERTIFICATE, "z", "Verify", "x")
PASSWORD = signing(ItemKind.APP_SECRET, "a/password", None, "x")


@given(st.permutations([SIGN, VERIFY, PASSWORD]))
def test_of_a_signing_certificates_three_parts_the_key_that_signs_counts(parts: list[Item]) -> None:
    linked = link(parts)

    assert [item.external_id for item in linked] == [item.external_id for item in parts]
    assert [item.external_id for item in linked if not item.managed] == [SIGN.external_id]


def test_two_credentials_that_only_share_an_identifier_both_count() -> None:
    other = signing(ItemKind.APP_CERTIFICATE, "b", "Verify", "x")
    alone = signing(ItemKind.APP_SECRET, "c", None, None)
    bare = a_credential("d")

    assert link([VERIFY, other, alone, bare]) == [VERIFY, other, alone, bare]


def test_what_azure_renews_by_itself_alerts_nobody() -> None:
    assert all(item.managed for item in link([VERIFY, SIGN], renewed_by_azure=True))


def test_a_part_of_a_signing_certificate_is_never_the_newest() -> None:
    linked = link([SIGN, VERIFY, PASSWORD])
    sign = linked[0]

    assert is_newest(sign, linked, NOW)
    assert decide(sign, siblings=linked, recorded=frozenset(), now=NOW).announce == 30
