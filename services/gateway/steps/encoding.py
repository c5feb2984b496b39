"""Documents as JSON bytes."""

from uuid import UUID

import orjson


def to_json(document: object) -> bytes:
    """Return the document as JSON; instants carry their offset."""
    return orjson.dumps(document, default=_plain)


def _plain(value: object) -> object:
    """Return what orjson does not know in a form that it does: the driver has its own UUIDs."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)
