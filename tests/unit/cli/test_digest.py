"""The terminal says what happens without drowning anybody."""

from datetime import UTC, datetime, timedelta

from services.cli.digest import AT_MOST, digest

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def an_event(number: int, kind: str = "alert.raised") -> dict[str, object]:
    return {
        "type": f"certifyclouds.{kind}.v1",
        "at": NOON + timedelta(seconds=number),
        "summary": f"event {number}",
    }


def test_a_few_events_are_told_one_by_one_in_their_order() -> None:
    events = [an_event(2, "vault.scanned"), an_event(1), an_event(3)]

    assert [text for _, text in digest(events)] == ["event 1", "event 2", "event 3"]


def test_a_crowd_of_one_kind_is_one_line_with_its_number_and_the_newest() -> None:
    events = [an_event(number) for number in range(AT_MOST + 1)]

    assert digest(events) == [
        (events[-1]["at"], "4 alerts were raised or became more pressing, the last: event 3")
    ]


def test_the_end_of_a_scan_is_always_told() -> None:
    events = [an_event(number, "scan.completed") for number in range(AT_MOST + 2)]

    assert len(digest(events)) == AT_MOST + 2


def test_an_expiring_credential_is_told_once_by_its_alert() -> None:
    assert digest([an_event(1, "secret.expiring")]) == []
