"""What is shown to somebody with a scope: nothing that is not theirs, and nothing by default."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.domain.scope import Scope
from services.gateway.domain.sight import About, Subject, own_part, sees, subject_of
from shared.bus.topology import SUBSCRIPTIONS
from shared.events import LicenseChanged, ReleaseAvailable

SCOPE = Scope(vault_ids=frozenset({1}), subscription_ids=frozenset({"sub-b"}))
CREDENTIAL = {"item_id": 7, "kind": "secret", "name": "n", "container": "kv"}
SCAN = {
    "id": uuid4(),
    "mode": "full",
    "outcome": "partial",
    "error": "kv-other could not be read",
    "subscription_ids": ["sub-z"],
    "selector": "name:kv-other",
    "calls": {"secret": 9},
    "details_pending": 4,
    "excluded": 2,
    "vaults": 50,
    "vaults_done": 50,
    "unreadable": 3,
    "items": 5000,
    "added": 1,
    "changed": 2,
    "removed": 3,
    "requested_at": datetime(2026, 11, 1, tzinfo=UTC),
}
OWN = {
    "vaults": 2,
    "vaults_done": 2,
    "unreadable": 0,
    "items": 20,
    "added": 1,
    "changed": 0,
    "removed": 0,
}


@pytest.mark.parametrize(
    ("type_", "data", "expected"),
    [
        (LicenseChanged.type, {}, Subject(About.ALL)),
        (ReleaseAvailable.type, {}, Subject(About.ALL)),
        ("certifyclouds.scan.completed.v1", {"scan_id": "s"}, Subject(About.SCAN, "s")),
        (
            "certifyclouds.vault.scanned.v1",
            {"vault_id": 3, "subscription_id": "sub-a"},
            Subject(About.VAULT, place=(3, "sub-a")),
        ),
        ("certifyclouds.alert.resolved.v1", {"alert_id": "a"}, Subject(About.ALERT, "a")),
        (
            "certifyclouds.secret.expiring.v1",
            {"credential": CREDENTIAL},
            Subject(About.ITEM, "7"),
        ),
        (
            "certifyclouds.rotation.step.v1",
            {"rotation_id": "r", "credential": CREDENTIAL},
            Subject(About.ROTATION, "r"),
        ),
        ("certifyclouds.alert.raised.v1", {"credential": None}, Subject(About.WHOLE)),
        ("certifyclouds.permission.changed.v1", {"missing": 3}, Subject(About.WHOLE)),
        ("certifyclouds.some.news.v1", {}, Subject(About.WHOLE)),
    ],
)
def test_an_event_is_about_what_it_names(
    type_: str, data: dict[str, Any], expected: Subject
) -> None:
    assert subject_of(type_, data) == expected


def test_only_the_installations_own_news_are_for_all_without_a_place() -> None:
    without_a_place = {
        event.type
        for event in SUBSCRIPTIONS["gateway"]
        if sees(
            SCOPE,
            subject_of(event.type, {"scan_id": 1, "vault_id": 9, "alert_id": 1, "rotation_id": 1}),
            (),
        )
    }

    assert without_a_place == {
        LicenseChanged.type,
        ReleaseAvailable.type,
        "certifyclouds.scan.completed.v1",
    }


@pytest.mark.parametrize(
    ("place", "shown"),
    [((1, "sub-a"), True), ((9, "sub-b"), True), ((9, "sub-a"), False), ((9, None), False)],
)
@pytest.mark.parametrize("about", [About.ITEM, About.ALERT])
def test_what_lies_in_scope_is_shown(
    about: About, place: tuple[int, str | None], *, shown: bool
) -> None:
    assert sees(SCOPE, Subject(about, "7"), [place]) is shown
    assert sees(SCOPE, Subject(About.VAULT, place=place), ()) is shown
    assert not sees(SCOPE, Subject(About.WHOLE), ())


def test_a_rotation_is_shown_to_those_who_see_all_of_its_places() -> None:
    rotation = Subject(About.ROTATION, "r")

    assert sees(SCOPE, rotation, [(1, "sub-a"), (9, "sub-b")])
    assert not sees(SCOPE, rotation, [(1, "sub-a"), (9, "sub-a")])
    assert not sees(SCOPE, rotation, ())


def test_a_scan_is_shown_with_the_numbers_of_ones_own_vaults() -> None:
    shown = own_part(SCAN, OWN)

    assert {name: shown[name] for name in OWN} == OWN
    assert shown["outcome"] == "complete"
    assert "other" not in str(shown)
    assert (shown["calls"], shown["details_pending"], shown["excluded"]) == ({}, 0, 0)
    assert shown.keys() == SCAN.keys()


def test_a_scan_that_saw_none_of_ones_vaults_has_no_numbers() -> None:
    shown = own_part(SCAN, None)

    assert {shown[name] for name in OWN} == {0}
    assert shown["subscription_ids"] == []


@pytest.mark.parametrize(("unreadable", "outcome"), [(1, "partial"), (2, "failed")])
def test_ones_own_vaults_decide_how_a_scan_ended(unreadable: int, outcome: str) -> None:
    assert own_part(SCAN, {**OWN, "unreadable": unreadable})["outcome"] == outcome


def test_a_part_of_a_scan_gets_no_fields_that_it_had_not() -> None:
    progress = {"id": 1, "state": "running", "outcome": None, "vaults": 9, "items": 100}

    assert own_part(progress, OWN) == {**progress, "vaults": 2, "items": 20}
