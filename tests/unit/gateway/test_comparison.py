"""The net of an item's changes is what two pictures of it, one before and one after, differ in."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.comparison import Entry, Net, net

states = st.none() | st.fixed_dictionaries({"enabled": st.booleans(), "version": st.integers(1, 3)})


def entries(history: list[dict[str, Any] | None]) -> list[Entry]:
    """What the change feed would hold of these states of an item, one after the other."""
    found, known = [], next((state for state in history[:1] if state), None)
    for before, after in pairwise(history):
        fields = [
            {"field": field, "before": known[field], "after": value}
            for field, value in (after or {}).items()
            if known is not None and known[field] != value
        ]
        if after is None and before is not None:
            found.append(Entry("removed", []))
        elif after is not None and before is None:
            found.append(Entry("restored" if known else "added", fields))
        elif fields:
            found.append(Entry("changed", fields))
        known = after or known
    return found


@given(st.lists(states, min_size=2, max_size=8))
def test_the_net_is_the_difference_between_the_first_and_the_last_picture(
    history: list[dict[str, Any] | None],
) -> None:
    feed, first, last = entries(history), history[0], history[-1]
    came_to = net(feed) if feed else None

    if first == last:
        assert came_to is None
    elif first is None or last is None:
        assert came_to == Net("added" if first is None else "removed")
    else:
        assert came_to is not None
        assert {one["field"]: (one["before"], one["after"]) for one in came_to.fields} == {
            field: (first[field], last[field]) for field in first if first[field] != last[field]
        }
