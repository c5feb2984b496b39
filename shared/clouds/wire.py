"""Reading fields of Azure's JSON with their types checked.

A field of the wrong type raises `UnexpectedAnswerError`: an item is never stored with half of what
the cloud said about it, and never left out.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeVar

from shared.clouds.client import unexpected
from shared.clouds.deeds import What

Row = Mapping[str, object]
T = TypeVar("T")
# The driver takes the calendar's first and last moment for infinity; these are beside them.
_FIRST: Final = datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_HEXADECIMAL: Final = re.compile(r"(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")


def text(row: Row, name: str, what: What) -> str:
    """Return a text that must be there."""
    found = row.get(name)
    if not isinstance(found, str) or not found:
        raise unexpected(what, f"`{name}` is not a text")
    return storable(found)


def storable(written: str) -> str:
    """Return a text that PostgreSQL can hold: it knows no NUL, so that is shown as U+FFFD.

    Refusing it would make a whole vault unreadable for one strange tag.
    """
    return written.replace("\0", "\ufffd")


def optional(row: Row, name: str, kind: type[T], what: What) -> T | None:
    """Return a value of exactly this type, or None where Azure leaves it out.

    Exactly, because a boolean is an integer to Python, but not to Azure.
    """
    found = row.get(name)
    if isinstance(found, str):
        found = storable(found)
    if found is None or type(found) is kind:
        return found
    raise unexpected(what, f"`{name}` is not of the type it should have")


def part(row: Row, name: str, what: What) -> Row:
    """Return an object inside the row; an empty one where Azure leaves it out."""
    return optional(row, name, dict, what) or {}


def tags(row: Row, what: What) -> dict[str, str]:
    """Return the row's tags."""
    found = part(row, "tags", what)
    return {storable(name): text_or_empty(found, name, what) for name in found}


def texts(row: Row, name: str, what: What) -> list[str]:
    """Return a list of texts; an empty one where Azure leaves it out."""
    found = optional(row, name, list, what) or []
    if not all(isinstance(each, str) for each in found):
        raise unexpected(what, f"`{name}` is not a list of texts")
    return [storable(each) for each in found]


def text_or_empty(row: Row, name: str, what: What) -> str:
    return optional(row, name, str, what) or ""


def unix_instant(row: Row, name: str, what: What) -> datetime | None:
    """Return the instant that Key Vault gives in seconds since 1970."""
    return moment(optional(row, name, int, what), name, what)


def moment(seconds: int | None, name: str, what: What) -> datetime | None:
    """Return the instant that is so many seconds after 1970 began; `name` is the field's."""
    if seconds is None:
        return None
    try:
        return _moment(seconds)
    except (OverflowError, ValueError, OSError):
        raise unexpected(what, f"`{name}` is not a moment in time") from None


@lru_cache(maxsize=4_096)
def _moment(seconds: int) -> datetime:
    """Many items of a vault were made, or end, in the same second."""
    return _finite(datetime.fromtimestamp(seconds, UTC))


def iso_instant(row: Row, name: str, what: What) -> datetime | None:
    """Return the instant that Graph and the management API give in ISO 8601."""
    written = optional(row, name, str, what)
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise unexpected(what, f"`{name}` is not a moment in time") from None
    return _finite(found)


def _finite(moment: datetime) -> datetime:
    """Keep "never" and "no date" dates: some tools write the ends of the calendar for them."""
    return min(max(moment, _FIRST), _LAST)


def thumbprint(row: Row, name: str, what: What) -> str | None:
    """Return the row's thumbprint; see `hexadecimal`."""
    return hexadecimal(optional(row, name, str, what), name, what)


def hexadecimal(written: str | None, name: str, what: What) -> str | None:
    """Return a thumbprint in lower-case hexadecimal; `name` is the field's.

    Key Vault writes base64url without padding, Graph base64; some tools put the hexadecimal form
    itself into an application's `customKeyIdentifier`.
    """
    if not written:
        return None
    if _HEXADECIMAL.fullmatch(written):
        return written.lower()
    plain = written.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).hex()
    except (binascii.Error, ValueError):
        raise unexpected(what, f"`{name}` is not a thumbprint") from None
