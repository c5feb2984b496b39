"""Where a page ended: the sort key and the id of its last row, bound to its question.

A cursor is not secret and not signed; it only names a position. It is checked, because it comes
back from outside, and it is refused when the filter or the order was changed in between.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

LONGEST: Final = 2000
Key: TypeAlias = str | datetime | None


class CursorError(ValueError):
    """A cursor that cannot be continued from; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page. A key of None is an instant that never comes (no expiry)."""

    key: Key
    id: str


def encode(cursor: Cursor, question: str) -> str:
    """Return the cursor as an opaque word; `question` is the filter and the order."""
    key = cursor.key.isoformat() if isinstance(cursor.key, datetime) else cursor.key
    body = json.dumps([key, cursor.id, _digest(question)], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode(text: str, question: str, *, instant: bool) -> Cursor:
    """Return the cursor again; raises `CursorError` if it is damaged or from another question.

    `instant` says whether the sort key is an instant.
    """
    key, row_id, digest = _parts(text)
    if digest != _digest(question):
        raise CursorError("it belongs to another filter or order; begin again without a cursor.")
    return Cursor(_instant(key) if instant else key, row_id)


def _parts(text: str) -> tuple[str | None, str, str]:
    damaged = CursorError("it is damaged; begin again without a cursor.")
    if len(text) > LONGEST:
        raise damaged
    try:
        padded = text + "=" * (-len(text) % 4)
        found = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise damaged from None
    match found:
        case [str() | None as key, str(row_id), str(digest)]:
            return key, row_id, digest
        case _:
            raise damaged


def _instant(key: str | None) -> datetime | None:
    if key is None:
        return None
    try:
        found = datetime.fromisoformat(key)
        found.astimezone(UTC)  # an offset may lead out of the calendar
    except (OverflowError, ValueError):
        raise CursorError("it is damaged; begin again without a cursor.") from None
    if found.tzinfo is None:
        raise CursorError("it is damaged; begin again without a cursor.")
    return found


def _digest(question: str) -> str:
    return hashlib.blake2b(question.encode(), digest_size=9).hexdigest()
