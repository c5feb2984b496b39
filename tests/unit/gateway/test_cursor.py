"""Cursors come back as they were, and whatever else comes is refused with a sentence."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.cursor import LONGEST, Cursor, CursorError, decode, encode

instants = st.datetimes(timezones=st.just(UTC))


def packed(found: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(found).encode()).decode().rstrip("=")


@given(key=st.one_of(st.none(), st.text(max_size=130)), row_id=st.integers().map(str))
def test_a_cursor_of_words_comes_back(key: str | None, row_id: str) -> None:
    cursor = Cursor(key, row_id)

    assert decode(encode(cursor, "q"), "q", instant=False) == cursor


@given(key=st.one_of(st.none(), instants), row_id=st.integers().map(str))
def test_a_cursor_of_instants_comes_back(key: datetime | None, row_id: str) -> None:
    cursor = Cursor(key, row_id)

    assert decode(encode(cursor, "q"), "q", instant=True) == cursor


def test_the_offset_of_an_instant_is_kept() -> None:
    key = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))

    assert decode(encode(Cursor(key, "1"), "q"), "q", instant=True).key == key


def test_a_cursor_of_another_question_is_refused() -> None:
    with pytest.raises(CursorError, match="another filter or order"):
        decode(encode(Cursor("a", "1"), "kind=key"), "kind=secret", instant=False)


@given(st.text(max_size=60))
def test_nonsense_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(CursorError):
        decode(text, "q", instant=False)


@pytest.mark.parametrize(
    "text",
    [
        "x" * (LONGEST + 1),
        "é",
        packed({"key": 1}),
        packed(["a", 1, "b"]),
        packed([1, "1", "b"]),
        packed(["a", "1"]),
        packed("[" * 300),
        base64.urlsafe_b64encode(b"[" * 1400).decode(),
    ],
)
def test_a_damaged_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError, match="damaged"):
        decode(text, "q", instant=False)


@pytest.mark.parametrize("key", ["yesterday", "2026-01-01T00:00:00"])
def test_a_key_that_is_no_aware_instant_is_refused(key: str) -> None:
    with pytest.raises(CursorError, match="damaged"):
        decode(encode(Cursor(key, "1"), "q"), "q", instant=True)
