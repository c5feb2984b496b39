"""Names are alike by the words that distinguish them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.names import similarity, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("billing-api-prod-clientsecret", {"billing", "api"}),
        ("BillingApi", {"billing", "api"}),
        ("billing_api.secret", {"billing", "api"}),
        ("client-secret", set()),
        ("", set()),
        ("Überweisung-Straße", {"überweisung", "strasse"}),
    ],
)
def test_what_every_such_name_has_does_not_distinguish_it(name: str, words: set[str]) -> None:
    assert words_of(name) == words


def test_names_are_alike_by_the_share_of_words_in_common() -> None:
    assert similarity("billing-api", "BillingApi-clientSecret") == 1.0
    assert similarity("billing-api", "billing-worker") == pytest.approx(1 / 3)
    assert similarity("billing", "payroll") == 0.0


def test_names_of_nothing_but_common_words_are_not_alike() -> None:
    assert similarity("client-secret", "app-password") == 0.0


@pytest.mark.parametrize(("one", "other"), [("dev", "prod"), ("tst", "uat"), ("staging", "live")])
def test_names_of_different_environments_are_not_alike(one: str, other: str) -> None:
    assert similarity(f"billing-{one}", f"billing-{other}") == 0.0


@pytest.mark.parametrize(("one", "other"), [("prd", "production"), ("stg", "staging"), ("qa", "")])
def test_an_environment_may_be_written_otherwise_or_left_out(one: str, other: str) -> None:
    assert similarity(f"billing-{one}", f"billing-{other}") == 1.0


@given(st.text(), st.text())
def test_similarity_is_a_share_and_the_same_from_both_sides(one: str, other: str) -> None:
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == similarity(other, one)
