"""The canonical form and the hash chain, without a database."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.audit.chain import GENESIS, Entry, link

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ENTRY = Entry(
    xid=900,
    id=7,
    at=AT,
    service="gateway",
    action="scan:requested",
    actor="anna",
    subject="scan 1",
    outcome="done",
    correlation_id=UUID(int=1),
    address="10.0.0.1",
    scope="full",
    reason="because",
    amount=3,
    before="a",
    after="b",
)
texts = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
)
OTHERS: dict[str, Any] = {
    "xid": 901,
    "id": 8,
    "at": AT + timedelta(microseconds=1),
    "correlation_id": UUID(int=2),
    "amount": 4,
}


def test_each_field_changes_the_hash() -> None:
    base = link(GENESIS, 1, AT, ENTRY)

    for field in fields(Entry):
        other = OTHERS.get(field.name, "other")
        assert link(GENESIS, 1, AT, replace(ENTRY, **{field.name: other})) != base, field.name


def test_place_time_and_history_change_the_hash() -> None:
    base = link(GENESIS, 1, AT, ENTRY)

    assert link(GENESIS, 2, AT, ENTRY) != base
    assert link(GENESIS, 1, AT + timedelta(seconds=1), ENTRY) != base
    assert link(base, 1, AT, ENTRY) != base


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_two_different_entries_never_read_the_same(
    one: tuple[str | None, ...], other: tuple[str | None, ...]
) -> None:
    def linked(values: tuple[str | None, ...]) -> bytes:
        changed = dict(zip(("reason", "before", "after"), values, strict=True))
        return link(GENESIS, 1, AT, replace(ENTRY, **changed))  # type: ignore[arg-type]

    assert (linked(one) == linked(other)) == (one == other)


def test_the_form_is_the_one_that_was_published() -> None:
    assert link(GENESIS, 1, AT, ENTRY).hex() == (
        "a3720a2a7961e40d3027319962d1b2e0483a3d1a22719c92b14c24d787321aaa"
    )
