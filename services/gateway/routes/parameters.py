"""Query parameters that several lists share."""

from typing import Annotated, Final

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=500, description="How many rows at most.")]
CursorText = Annotated[
    str | None,
    Query(max_length=2000, description="`meta.next_cursor` of the page before."),
]
LARGEST_INTEGER: Final = 2**31 - 1
# The database holds no NUL.
STORABLE: Final = r"^[^\x00]*$"
Words = Annotated[list[str], Query(max_length=50)]
