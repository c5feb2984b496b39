"""What the second pass decides: what to ask, when again, what changed, what is left to spend."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.scanner.domain.calls import Allowance, Calls
from services.scanner.domain.detail import Detail, KeyDetail, Operation, Part, Question, Version
from services.scanner.domain.durations import days_of
from services.scanner.domain.enrichment import (
    Summary,
    ages,
    current_version,
    differences,
    merge,
    questions,
    summarise,
)
from services.scanner.domain.inventory import ItemKind
from services.scanner.domain.remedy import detail_remedy
from shared.events.scanning import ScanMode
from tests.support.details import a_version
from tests.support.scanner import ASSIGNEE, a_vault, an_item

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSIONS = st.lists(
    st.builds(
        Version,
        id=st.uuids().map(lambda one: one.hex),
        enabled=st.booleans(),
        created_on=st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    max_size=6,
    unique_by=lambda version: version.id,
).map(tuple)


def test_a_full_scan_reads_old_details_again_and_asks_daily_for_what_was_refused() -> None:
    found = ages(ScanMode.FULL, NOW, 168)

    assert not found.everything
    assert (found.read, found.refused) == (NOW - 168 * HOUR, NOW - 24 * HOUR)
    assert ages(ScanMode.FULL, NOW, 2).refused == NOW - 2 * HOUR


def test_a_delta_reads_what_changed_only_and_a_forced_scan_everything() -> None:
    delta, force = ages(ScanMode.DELTA, NOW, 1), ages(ScanMode.FORCE, NOW, 1)

    assert (delta.everything, delta.read, delta.refused) == (False, None, None)
    assert force.everything


def test_of_a_secret_nothing_is_asked_but_its_versions() -> None:
    assert questions(ItemKind.SECRET, set()) == [Question.VERSIONS]


def test_what_a_vault_refused_is_not_asked_again_for_that_kind() -> None:
    refused = {(ItemKind.KEY, Question.KEY)}

    assert Question.KEY not in questions(ItemKind.KEY, refused)
    assert len(questions(ItemKind.KEY, refused)) == 2
    assert len(questions(ItemKind.CERTIFICATE, refused)) == 3


@given(VERSIONS)
def test_every_version_is_counted_and_only_the_current_one_is_not_old(
    versions: tuple[Version, ...],
) -> None:
    found = summarise(versions, an_item())

    assert found.count == len(versions)
    assert found.current in {None, *(version.id for version in versions)}
    enabled = sum(version.enabled for version in versions)
    assert found.enabled_old is not None
    assert 0 <= enabled - found.enabled_old <= 1


def test_the_current_version_is_the_one_that_the_listing_showed() -> None:
    shown, newer = a_version(1, enabled=False), a_version(2)
    item = structs.replace(
        an_item(enabled=False), created_on=shown.created_on, updated_on=shown.updated_on
    )

    assert current_version((shown, newer), item) is shown
    assert current_version((shown, newer), an_item()) is newer
    assert current_version((), item) is None
    assert summarise(None, item) == Summary()


def test_what_a_reading_did_not_tell_stays() -> None:
    key = KeyDetail(key_type="RSA", size=2048)
    known = Detail(versions=(a_version(),), parts={Part.KEY: key})

    after = merge(known, Detail(parts={Part.OPERATION: None}))
    assert after == Detail(versions=known.versions, parts={Part.KEY: key, Part.OPERATION: None})
    assert merge(known, Detail(versions=())).versions == ()


def test_a_first_reading_is_no_change_and_a_second_one_names_what_differs() -> None:
    small = Detail(versions=(), parts={Part.KEY: KeyDetail(key_type="RSA", size=2048)})
    large = Detail(versions=(), parts={Part.KEY: KeyDetail(key_type="RSA", size=4096)})
    none, one = Summary(None, 0, 0), Summary("v", 1, 0)

    assert list(differences(Detail(), small, Summary(), one)) == []
    assert list(differences(small, small, one, one)) == []
    [changed] = differences(small, large, one, one)
    assert (changed.field, changed.before, changed.after) == ("key.size", 2048, 4096)
    fields = [change.field for change in differences(small, small, none, one)]
    assert fields == ["version", "version_count"]


def test_an_operation_that_appears_is_a_change() -> None:
    before = Detail(parts={Part.OPERATION: None})
    after = Detail(parts={Part.OPERATION: Operation(status="failed")})

    found = {one.field: one.after for one in differences(before, after, Summary(), Summary())}

    assert found["operation.status"] == "failed"


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("P30D", 30),
        ("P18M", 540),
        ("P1Y2M3D", 428),
        ("P2W", 14),
        ("P1DT12H", 1),
        ("PT5M", 0),
        ("P", None),
        ("P1DT", None),
        ("30D", None),
        ("", None),
    ],
)
def test_durations_are_told_in_days(written: str, days: int | None) -> None:
    assert days_of(written) == days


def test_requests_are_counted_until_they_are_taken() -> None:
    calls = Calls()
    calls.note("kv-a", "secrets")
    calls.note("kv-a", "secrets")
    calls.note("kv-b", "key")

    assert calls.total("kv-a") == 2
    assert calls.take("kv-a") == {"secrets": 2}
    assert calls.take("kv-a") == {}
    assert calls.take("kv-b") == {"key": 1}


def test_an_allowance_is_not_overdrawn_and_pays_for_long_lists() -> None:
    allowance = Allowance(4)

    assert allowance.reserve(3)
    assert not allowance.reserve(2)
    allowance.settle(3, 2)
    assert allowance.left == 2
    allowance.settle(1, 5)
    assert not allowance.reserve(1)


@pytest.mark.parametrize(
    ("by_role", "line"),
    [(True, '--role "Key Vault Reader"'), (False, "--key-permissions list get getrotationpolicy")],
)
def test_a_refused_detail_names_the_line_that_grants_it(by_role: bool, line: str) -> None:
    found = detail_remedy(a_vault(), ASSIGNEE, by_role=by_role)

    assert found.startswith("Optional")
    assert line in found
    assert "secret-permissions" not in found
