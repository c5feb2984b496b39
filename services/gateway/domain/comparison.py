"""What the entries of a change feed come to: the net difference between two looks at an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_CAME: Final = frozenset({"added", "restored"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an item's change feed: what happened, and the attributes before and after."""

    what: str
    fields: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Net:
    """What became of an item: `added`, `changed` (with the attributes) or `removed`."""

    what: str
    fields: tuple[dict[str, Any], ...] = ()


def net(entries: Sequence[Entry]) -> Net | None:
    """Return what an item's entries, oldest first, come to; None when they undo one another."""
    was_there = entries[0].what not in _CAME
    is_there = entries[-1].what != "removed"
    if was_there and is_there:
        fields = _fields(entries)
        return Net("changed", fields) if fields else None
    if was_there == is_there:
        return None
    return Net("added" if is_there else "removed")


def _fields(entries: Sequence[Entry]) -> tuple[dict[str, Any], ...]:
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for entry in entries:
        for change in entry.fields:
            first.setdefault(change["field"], change["before"])
            last[change["field"]] = change["after"]
    return tuple(
        {"field": field, "before": first[field], "after": after}
        for field, after in last.items()
        if after != first[field]
    )
