"""Each signal speaks by metadata alone, with its cap, and no tag speaks twice."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from services.rotator.domain.signals import (
    CAPS,
    AppCredential,
    Consumer,
    Evidence,
    Signal,
    Surroundings,
    VaultSecret,
    contradicted,
    heard,
    together,
)
from tests.unit.rotator.matching_values import NOW, VAULT, a_credential, a_secret

OWN = {"cc-app-id": "APP-1", "cc-key-id": "Key-1"}
SAMPLE = {"CredentialId": "key-1", "ProviderAddress": "object-1"}
SECOND = timedelta(seconds=1)
AROUND = Surroundings(app_ids=frozenset({"app-1", "App-2"}), key_ids=frozenset({"key-1", "Key-2"}))


def evidence(secret: VaultSecret, around: Surroundings = AROUND, **changes: Any) -> list[str]:
    return [signal.evidence for signal in heard(a_credential(**changes), secret, around)]


def test_no_type_has_a_place_for_a_value() -> None:
    assert {one.name for one in fields(AppCredential)} == {
        *("object_id", "app_id", "key_id", "display_name", "app_name", "start", "end"),
    }
    assert {one.name for one in fields(VaultSecret)} == {
        *("vault_uri", "name", "version", "tags", "created_on", "expires_on", "enabled"),
    }


def test_a_secret_with_nothing_in_common_is_not_spoken_for() -> None:
    assert evidence(a_secret()) == []


@pytest.mark.parametrize(
    ("tags", "speaks"),
    [
        (OWN, [Evidence.OWN_TAGS]),
        (SAMPLE, [Evidence.SAMPLE_TAGS]),
        ({"clientId": " APP-1 "}, [Evidence.APP_ID_IN_TAG]),
        ({**OWN, "clientId": "app-1"}, [Evidence.OWN_TAGS, Evidence.APP_ID_IN_TAG]),
        ({"cc-app-id": "app-1", "cc-key-id": "key-0"}, [Evidence.APP_ID_IN_TAG]),
        ({"cc-key-id": "key-1"}, []),
        ({"CredentialId": "key-1"}, []),
        ({"ProviderAddress": "object-1"}, []),
    ],
)
def test_tags_speak_once_each(tags: dict[str, str], speaks: list[str]) -> None:
    assert evidence(a_secret(tags=tags)) == speaks


@pytest.mark.parametrize(("off", "speaks"), [(0, True), (120, True), (-120, True), (121, False)])
def test_ends_within_two_minutes_are_the_same(off: int, speaks: bool) -> None:
    secret = a_secret(expires_on=NOW + off * SECOND)

    assert evidence(secret, end=NOW) == [Evidence.SAME_END] * speaks


@pytest.mark.parametrize(("off", "speaks"), [(0, True), (600, True), (-600, True), (601, False)])
def test_beginnings_within_ten_minutes_are_the_same(off: int, speaks: bool) -> None:
    secret = a_secret(created_on=NOW + off * SECOND)

    assert evidence(secret, start=NOW) == [Evidence.SAME_START] * speaks


def test_times_that_are_not_known_say_nothing() -> None:
    assert evidence(a_secret(expires_on=NOW, created_on=NOW), start=None, end=None) == []


def test_names_weigh_by_how_alike_they_are_and_the_better_name_counts() -> None:
    half = heard(a_credential(app_name="payroll-worker"), a_secret(), AROUND)
    whole = heard(a_credential(display_name="payroll"), a_secret(), AROUND)

    assert [(one.evidence, one.weight) for one in half] == [(Evidence.NAMES, 0.275)]
    assert [one.weight for one in whole] == [0.55]


@pytest.mark.parametrize(
    ("app_ids", "secrets", "speaks"),
    [
        ({"APP-1"}, {(VAULT, "payroll")}, True),
        ({"app-2"}, {(VAULT, "payroll")}, False),
        ({"app-1"}, {(VAULT, "other")}, False),
    ],
)
def test_a_consumer_speaks_when_its_settings_name_both(
    app_ids: set[str], secrets: set[tuple[str, str]], speaks: bool
) -> None:
    consumer = Consumer(name="web", app_ids=frozenset(app_ids), secrets=frozenset(secrets))

    found = evidence(a_secret(), Surroundings(together=together([consumer])))

    assert found == [Evidence.SAME_CONSUMER] * speaks


def test_signals_come_strongest_first_and_weigh_at_most_their_caps() -> None:
    secret = a_secret(tags=OWN | SAMPLE | {"x": "app-1"}, expires_on=NOW, created_on=NOW)
    signals = heard(a_credential(app_name="payroll", start=NOW, end=NOW), secret, AROUND)

    assert [one.weight for one in signals] == [0.99, 0.97, 0.90, 0.60, 0.55, 0.35]


@pytest.mark.parametrize("given", [-1.0, 0.5, 7.0])
def test_a_weight_is_kept_within_its_bounds(given: float) -> None:
    for evidence_, cap in CAPS.items():
        assert 0 <= Signal(evidence_, given).weight <= cap


@pytest.mark.parametrize(
    ("tags", "against"),
    [
        ({}, False),
        (OWN, False),
        (SAMPLE, False),
        ({"cc-app-id": "app-2"}, True),
        ({"cc-app-id": "an application that is not known"}, True),
        ({"ProviderAddress": "object-2"}, True),
        ({"ProviderAddress": "/subscriptions/s/storageAccounts/x"}, True),
        ({"ProviderAddress": "app-1"}, False),
        ({"clientId": "app-2"}, True),
        ({"clientId": "app-2", "other": "app-1"}, False),
        ({"clientId": "app-2", "other": "object-1"}, False),
        ({"clientId": "an id that is not known"}, False),
        ({"cc-app-id": "app-1", "cc-key-id": "key-2"}, True),
        ({"CredentialId": "key-2"}, True),
        ({"cc-app-id": "app-1", "cc-key-id": "a key that is gone"}, False),
    ],
)
def test_tags_that_name_another_speak_against_it(tags: dict[str, str], against: bool) -> None:
    assert contradicted(a_credential(), a_secret(tags=tags), AROUND) is against
