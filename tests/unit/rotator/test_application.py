"""An application as a target, and what a tenant lets it have."""

from datetime import UTC, datetime, timedelta

import pytest

from services.rotator.domain.application import ApplicationTarget, TargetError
from services.rotator.domain.credential_policy import Restriction, allowance, room, span

OBJECT = "0a1b2c3d-0000-4000-8000-00000000000a"
APP = "0a1b2c3d-0000-4000-8000-00000000000b"
MADE = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_target_is_read_as_it_is_written() -> None:
    target = ApplicationTarget(OBJECT, APP)

    assert ApplicationTarget.parse(str(target)) == target
    assert ApplicationTarget.parse(f"{OBJECT.upper()}/{APP.upper()}") == target


@pytest.mark.parametrize(
    "text", ["", OBJECT, f"{OBJECT}/", f"{OBJECT}/{APP}/", f"{OBJECT}/x", f"{OBJECT}/{APP}\n"]
)
def test_another_text_is_no_target(text: str) -> None:
    with pytest.raises(TargetError, match="with a slash between"):
        ApplicationTarget.parse(text)


def lifetime(
    days: int | None, *, enabled: bool = True, since: datetime | None = None
) -> Restriction:
    longest = None if days is None else days * DAY
    return Restriction(kind="passwordLifetime", enabled=enabled, longest=longest, since=since)


def addition(*, enabled: bool = True, since: datetime | None = None) -> Restriction:
    return Restriction(kind="passwordAddition", enabled=enabled, since=since)


def test_no_rule_leaves_everything() -> None:
    found = allowance([], MADE)

    assert (found.longest, found.refusal) == (None, None)


def test_the_shortest_of_several_spans_counts() -> None:
    assert allowance([lifetime(90), lifetime(30), lifetime(None)], MADE).longest == 30 * DAY


def test_a_rule_that_is_switched_off_holds_for_nobody() -> None:
    found = allowance([lifetime(30, enabled=False), addition(enabled=False)], MADE)

    assert (found.longest, found.refusal) == (None, None)


@pytest.mark.parametrize(
    ("made", "holds"), [(MADE - DAY, False), (MADE, True), (MADE + DAY, True), (None, True)]
)
def test_a_rule_holds_for_applications_made_since_it_began(
    made: datetime | None,
    holds: bool,
) -> None:
    found = allowance([addition(since=MADE)], made)

    assert (found.refusal is not None) == holds


def test_only_a_rule_against_new_secrets_refuses_them() -> None:
    other = Restriction(kind="customPasswordAddition", enabled=True)

    assert allowance([other], MADE).refusal is None
    assert "exemption" in (allowance([other, addition()], MADE).refusal or "")


@pytest.mark.parametrize(
    ("audience", "secrets", "certificates", "left"),
    [
        ("AzureADMyOrg", 2, 3, 995),
        (None, 0, 0, 1_000),
        ("AzureADMyOrg", 900, 200, 0),
        ("AzureADandPersonalMicrosoftAccount", 1, 5, 1),
        ("PersonalMicrosoftAccount", 2, 0, 0),
        ("PersonalMicrosoftAccount", 3, 0, 0),
        ("AzureADandPersonalMicrosoftAccount", 0, 999, 1),
    ],
)
def test_room_is_what_an_application_may_still_have(
    audience: str | None, secrets: int, certificates: int, left: int
) -> None:
    assert room(audience, secrets, certificates) == left


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("P90D", 90 * DAY),
        ("P4DT12H30M5S", timedelta(days=4, hours=12, minutes=30, seconds=5)),
        ("PT1H", timedelta(hours=1)),
        ("P2W", 14 * DAY),
        ("P1Y", 365 * DAY),
        ("P1M", 28 * DAY),
        ("P0D", timedelta()),
        ("P", None),
        ("PT", None),
        ("P1DT", None),
        ("90D", None),
        ("P-1D", None),
        ("P9999999D", None),
        ("", None),
        (None, None),
    ],
)
def test_a_span_is_read_from_the_form_that_graph_writes(
    text: str | None, found: timedelta | None
) -> None:
    assert span(text) == found
