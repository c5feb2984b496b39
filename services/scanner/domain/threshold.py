"""Which steps of the ladder an item has crossed, and which of them is to be announced.

The ladder counts days before the end: 60, 30, 14, 7, 3, 1 and 0 (expired), and the days at which
the item's own thresholds make it a warning and critical. Each step is announced once for an expiry
of a logical credential. What was crossed in one go (an item seen for the first time, a service that
was down) is announced as the nearest step only; the earlier ones are recorded as passed. After a
step nothing wider is announced any more, whatever a clock or a new rule says.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.scanner.domain.inventory import Item
from services.scanner.domain.status import (
    BEGINNING,
    DAY,
    DEFAULT,
    LATEST,
    Thresholds,
    before,
    short_lifetime,
    windows,
)

LADDER: Final = (60, 30, 14, 7, 3, 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to announce and to record now, and when to look at the item again (None: never)."""

    announce: int | None = None
    passed: tuple[int, ...] = ()
    look_at: datetime | None = None


def decide(
    item: Item,
    *,
    siblings: Iterable[Item],
    recorded: AbstractSet[int],
    now: datetime,
    thresholds: Thresholds = DEFAULT,
) -> Decision:
    """Decide about one item.

    `siblings` are the credentials of the same logical credential (with or without the item itself);
    `recorded` the steps already announced or passed for the present expiry of any of them.
    """
    if item.expires_on is None or not alerts(item):
        return Decision()
    if item.not_before is not None and item.not_before > now:
        return Decision(look_at=item.not_before)
    steps = ladder(item, thresholds)
    crossed = [step for step in steps if before(item.expires_on, step * DAY) <= now]
    ahead = [before(item.expires_on, step * DAY) for step in steps if step not in crossed]
    look_at = min(ahead, default=None)
    if not crossed or not is_newest(item, siblings, now):
        return Decision(look_at=look_at)
    nearest = min(crossed)
    if any(step <= nearest for step in recorded):
        return Decision(look_at=look_at)
    passed = tuple(step for step in crossed if step != nearest and step not in recorded)
    return Decision(announce=nearest, passed=passed, look_at=look_at)


def first_look(item: Item, thresholds: Thresholds = DEFAULT) -> datetime | None:
    """Return when the sweep looks at a new or changed item first; None if it can never alert."""
    if item.expires_on is None or not alerts(item):
        return None
    if short_lifetime(item, thresholds) is None:
        widest = max(LADDER[0], thresholds.warning_days)
    else:
        widest = ladder(item, thresholds)[0]
    earliest = before(item.expires_on, widest * DAY)
    return max(earliest, item.not_before) if item.not_before else earliest


def alerts(item: Item) -> bool:
    """Say whether an item's expiry can be announced.

    A disabled item is in nobody's use. The secret and key behind a certificate expire with it, and
    the certificate itself is announced.
    """
    return item.enabled and not item.managed


def ladder(item: Item, thresholds: Thresholds = DEFAULT) -> tuple[int, ...]:
    """Return the item's steps, the widest first.

    A short-lived certificate has those within its warning window.
    """
    bounds = windows(item, thresholds)
    if item.expires_on is None or bounds is None:
        return ()
    if short_lifetime(item, thresholds) is None:
        own = {thresholds.warning_days, thresholds.critical_days}
        return tuple(sorted({*LADDER, *own}, reverse=True))
    return tuple(
        step for step in LADDER if before(item.expires_on, step * DAY) >= bounds.warning_at
    )


def is_newest(item: Item, siblings: Iterable[Item], now: datetime) -> bool:
    """Say whether no other usable credential of the same logical credential is newer."""
    usable = (other for other in siblings if alerts(other) and _active(other, now))
    return all(_age(other) <= _age(item) for other in usable)


def _active(item: Item, now: datetime) -> bool:
    return item.not_before is None or item.not_before <= now


def _age(item: Item) -> tuple[datetime, datetime, str]:
    """Order credentials from old to new: by start, then by end, then by a name that is unique."""
    starts_on = item.not_before or item.created_on or BEGINNING
    return starts_on, item.expires_on or LATEST, item.external_id
