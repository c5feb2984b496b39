"""Between items and rows: the columns of `scanner.item` that a listing gives."""

from collections.abc import Callable, Iterable
from typing import Any

import asyncpg

from services.scanner.domain.inventory import Application, Item, ItemKind
from services.scanner.domain.status import Thresholds, windows
from services.scanner.domain.threshold import first_look


def to_columns(items: Iterable[Item], thresholds: Callable[[Item], Thresholds]) -> list[list[Any]]:
    """Return one list for each column, in the order that `inventory` names them."""
    rows = (_row(item, thresholds(item)) for item in items)
    return [list(column) for column in zip(*rows, strict=True)]


def _row(item: Item, thresholds: Thresholds) -> tuple[object, ...]:
    bounds = windows(item, thresholds)
    application = item.application
    return (
        item.kind.value,
        item.external_id,
        item.name,
        item.enabled,
        item.created_on,
        item.updated_on,
        item.not_before,
        item.expires_on,
        bounds.warning_at if bounds else None,
        bounds.critical_at if bounds else None,
        first_look(item, thresholds),
        item.content_type,
        item.tags,
        item.recovery_level,
        item.recoverable_days,
        item.managed,
        item.version,
        item.thumbprint,
        application.object_id if application else None,
        application.app_id if application else None,
        application.display_name if application else None,
    )


def to_item(row: asyncpg.Record) -> Item:
    """Return the item of a row that has all of the columns above but the computed instants."""
    return Item(
        kind=ItemKind(row["kind"]),
        external_id=row["external_id"],
        name=row["name"],
        enabled=row["enabled"],
        created_on=row["created_on"],
        updated_on=row["updated_on"],
        not_before=row["not_before"],
        expires_on=row["expires_on"],
        content_type=row["content_type"],
        tags=row["tags"],
        recovery_level=row["recovery_level"],
        recoverable_days=row["recoverable_days"],
        managed=row["managed"],
        version=row["version"],
        thumbprint=row["thumbprint"],
        application=_application(row),
    )


def _application(row: asyncpg.Record) -> Application | None:
    if row["application_object_id"] is None:
        return None
    return Application(
        object_id=row["application_object_id"],
        app_id=row["application_id"],
        display_name=row["application_name"],
    )
