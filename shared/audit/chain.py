"""The hash chain over the audit log: the canonical form of an entry and the link to it.

The database computes the same (`audit.link`); verifying needs this file and the rows, nothing else.
"""

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

GENESIS: Final = bytes(32)
VERSION: Final = "1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it was stored; the order of the fields is that of the canonical form."""

    xid: int
    id: int
    at: datetime
    service: str
    action: str
    actor: str
    subject: str
    outcome: str
    correlation_id: UUID | None
    address: str | None
    scope: str | None
    reason: str | None
    amount: int | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """An entry's place in the chain."""

    position: int
    entry_id: int
    sealed_at: datetime
    hash: bytes


def link(previous: bytes, position: int, sealed_at: datetime, entry: Entry) -> bytes:
    """Return the hash that follows `previous` when `entry` is sealed at `position`."""
    parts = (VERSION, position, sealed_at, *(getattr(entry, f.name) for f in fields(Entry)))
    return hashlib.sha256(previous + b"".join(map(_field, parts))).digest()


def _field(value: str | int | datetime | UUID | None) -> bytes:
    """Return one field with its length in front, so that no two entries read the same."""
    if value is None:
        return b"-,"
    text = _microseconds(value) if isinstance(value, datetime) else str(value)
    data = text.encode()
    return b"%d:%b," % (len(data), data)


def _microseconds(instant: datetime) -> str:
    return str((instant - _EPOCH) // _MICROSECOND)
