"""What the outside world carries of a rotation."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.marker import OWN_TAGS, Marker, short, tags_of

ROTATION = UUID("01980000-0000-7000-8000-00000000002a")
MARKER = Marker(ROTATION, 2)
IDS = st.uuids()
TAGS = st.dictionaries(
    st.one_of(st.sampled_from(sorted(OWN_TAGS)), st.text(max_size=8)), st.text(max_size=8)
)


@given(IDS, st.integers(min_value=0, max_value=10_000))
def test_a_marker_is_read_back_as_what_it_was(rotation_id: UUID, attempt: int) -> None:
    marker = Marker(rotation_id, attempt)

    assert Marker.parse(str(marker)) == marker
    assert len(short(rotation_id)) == 26


@given(st.one_of(st.text(), st.from_regex(r"cc:[0-9a-z]{20,30}:[0-9]{1,4}", fullmatch=True)))
def test_whatever_else_is_not_a_marker(text: str) -> None:
    marker = Marker.parse(text)

    assert marker is None or str(marker) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "cc",
        "cc:",
        "cc::",
        "cc::1",
        "deploy",
        str(MARKER).upper(),
        str(MARKER)[:-1],
        f" {MARKER}",
        f"{MARKER} ",
        f"{MARKER}\n",
        f"{MARKER}:1",
        f"x{MARKER}",
        str(MARKER).replace("cc:", "cd:"),
        f"cc:{short(ROTATION)}",
        f"cc:{short(ROTATION)}:",
        f"cc:{short(ROTATION)}:-1",
        f"cc:{short(ROTATION)}:+1",
        f"cc:{short(ROTATION)}:01",
        f"cc:{short(ROTATION)}:1.0",
        f"cc:{short(ROTATION)}:1_0",
        f"cc:{short(ROTATION)}:²",
        f"cc:{short(ROTATION)}:٣",
        f"cc:{short(ROTATION)[:-1]}:1",
        f"cc:{short(ROTATION)}0:1",
        f"cc:{'z' * 26}:1",
        f"cc:8{'0' * 25}:1",
        f"cc:{'i' * 26}:1",
        f"cc:{'é' * 26}:1",
        f"cc:{ROTATION}:1",
    ],
)
def test_garbage_is_not_a_marker(text: str | None) -> None:
    assert Marker.parse(text) is None


def test_the_largest_id_has_a_marker() -> None:
    assert Marker.parse(f"cc:7{'z' * 25}:1") == Marker(UUID(int=(1 << 128) - 1), 1)


@given(TAGS)
def test_a_version_keeps_the_tags_that_people_set(kept: dict[str, str]) -> None:
    tags = tags_of(MARKER, "k9", kept)

    assert {name: tags[name] for name in kept if name not in OWN_TAGS} == {
        name: value for name, value in kept.items() if name not in OWN_TAGS
    }
    assert {name: tags[name] for name in tags if name in OWN_TAGS} == {
        "cc-rotation": str(ROTATION),
        "cc-attempt": "2",
        "cc-key-id": "k9",
    }


def test_a_version_that_gives_the_old_value_back_is_none_of_the_rotation() -> None:
    forward = tags_of(MARKER, "new", {"team": "web"})

    assert tags_of(MARKER, "old", forward, rollback=True) == {
        "team": "web",
        "cc-key-id": "old",
        "cc-rollback-of": str(ROTATION),
    }
