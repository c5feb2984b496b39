"""Reading fields of Azure's JSON."""

from datetime import UTC, datetime

import pytest

from shared.clouds import wire
from shared.clouds.errors import UnexpectedAnswerError

WHAT = "the secrets of vault kv-1"


def test_a_text_must_be_there() -> None:
    assert wire.text({"id": "a"}, "id", WHAT) == "a"
    for row in ({}, {"id": ""}, {"id": 7}, {"id": None}):
        with pytest.raises(UnexpectedAnswerError, match="`id` is not a text"):
            wire.text(row, "id", WHAT)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, int), (1, bool), ("1", int), (1.5, int), ([], dict), ({}, str)],
)
def test_a_value_of_another_type_is_refused(value: object, kind: type) -> None:
    with pytest.raises(UnexpectedAnswerError):
        wire.optional({"x": value}, "x", kind, WHAT)


def test_what_azure_leaves_out_is_none_or_empty() -> None:
    assert wire.optional({}, "x", int, WHAT) is None
    assert wire.part({}, "x", WHAT) == {}
    assert wire.tags({}, WHAT) == {}
    assert wire.tags({"tags": {"a": "b", "empty": None}}, WHAT) == {"a": "b", "empty": ""}
    assert wire.unix_instant({}, "exp", WHAT) is None
    assert wire.iso_instant({}, "at", WHAT) is None
    assert wire.thumbprint({}, "x5t", WHAT) is None


def test_key_vaults_seconds_become_aware_instants() -> None:
    assert wire.unix_instant({"exp": 0}, "exp", WHAT) == datetime(1970, 1, 1, tzinfo=UTC)
    assert wire.unix_instant({"exp": -1}, "exp", WHAT) == datetime(
        1969, 12, 31, 23, 59, 59, tzinfo=UTC
    )


@pytest.mark.parametrize("seconds", [10**11 * 9, 10**30, -(10**30)])
def test_a_moment_beyond_the_calendar_is_refused(seconds: int) -> None:
    with pytest.raises(UnexpectedAnswerError, match="not a moment"):
        wire.unix_instant({"exp": seconds}, "exp", WHAT)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-11-23T18:00:00Z", datetime(2026, 11, 23, 18, tzinfo=UTC)),
        ("2026-11-23T18:00:00.1234567Z", datetime(2026, 11, 23, 18, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-23T19:00:00+01:00", datetime(2026, 11, 23, 18, tzinfo=UTC)),
        ("2026-11-23T18:00:00", datetime(2026, 11, 23, 18, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        # .NET's last and first moment: what its tools write for "never" and "no date".
        ("9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_written_instant_is_read_in_each_form(written: str, instant: datetime) -> None:
    found = wire.iso_instant({"at": written}, "at", WHAT)

    assert found == instant
    assert found
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["soon", "", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-01:00"]
)
def test_a_written_instant_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        wire.iso_instant({"at": written}, "at", WHAT)


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("AQID-_8", "010203fbff"),
        ("AQID+/8=", "010203fbff"),
        ("52ED9B5038A47B9E2E2190715CC238359D4F8F73", "52ed9b5038a47b9e2e2190715cc238359d4f8f73"),
    ],
)
def test_a_thumbprint_is_lower_case_hexadecimal_however_it_was_written(
    written: str, digits: str
) -> None:
    assert wire.thumbprint({"x5t": written}, "x5t", WHAT) == digits


@pytest.mark.parametrize("written", ["a", "AQ!ID", "ä", "A=A="])
def test_what_is_no_thumbprint_is_refused(written: str) -> None:
    with pytest.raises(UnexpectedAnswerError, match="not a thumbprint"):
        wire.thumbprint({"x5t": written}, "x5t", WHAT)


def test_a_nul_is_shown_as_unreadable_because_the_database_knows_none() -> None:
    row = {"id": "a\0b", "tags": {"k\0": "\0v"}}

    assert wire.text(row, "id", WHAT) == "a\ufffdb"
    assert wire.text_or_empty(row, "id", WHAT) == "a\ufffdb"
    assert wire.tags(row, WHAT) == {"k\ufffd": "\ufffdv"}
