"""What happened to an item between two looks, in the words of the change feed.

An entry names the attributes that differ with what they were and are. Attributes are metadata: an
item has no value, so an entry cannot hold one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from services.scanner.domain.inventory import Item

Attribute: TypeAlias = str | int | bool | Mapping[str, str] | None

_PLAIN: Final = (
    "name",
    "enabled",
    "created_on",
    "updated_on",
    "not_before",
    "expires_on",
    "content_type",
    "tags",
    "recovery_level",
    "recoverable_days",
    "managed",
    "version",
    "thumbprint",
)


class What(StrEnum):
    """What happened. A restored item was gone and is back, with its history."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One attribute before and after, as JSON writes it (instants in ISO 8601)."""

    field: str
    before: Attribute
    after: Attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of the change feed."""

    what: What
    external_id: str
    fields: tuple[FieldChange, ...] = ()


def compare(before: Item, after: Item, *, was_gone: bool = False) -> Change | None:
    """Return what happened to an item that is known and there now; None if nothing did.

    `before` is what the inventory holds, `was_gone` that it is marked removed.
    """
    fields = tuple(differences(before, after))
    if was_gone:
        return Change(what=What.RESTORED, external_id=after.external_id, fields=fields)
    if not fields:
        return None
    return Change(what=What.CHANGED, external_id=after.external_id, fields=fields)


def differences(before: Item, after: Item) -> Iterator[FieldChange]:
    """Yield each attribute that differs."""
    old, new = attributes(before), attributes(after)
    for field, value in new.items():
        if old[field] != value:
            yield FieldChange(field, old[field], value)


def attributes(item: Item) -> dict[str, Attribute]:
    """Return the item's attributes under the names that readers of the inventory know."""
    found = {field: _written(getattr(item, field)) for field in _PLAIN}
    application = item.application
    found["application_object_id"] = application.object_id if application else None
    found["application_id"] = application.app_id if application else None
    found["application_name"] = application.display_name if application else None
    return found


def _written(value: Attribute | datetime) -> Attribute:
    return value.isoformat() if isinstance(value, datetime) else value
