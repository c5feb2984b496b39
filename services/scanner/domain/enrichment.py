"""Deciding about the second pass: what to ask of an item, when again, and what it changed."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from services.scanner.domain.changes import FieldChange
from services.scanner.domain.detail import Detail, Fact, Question, Version
from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.status import BEGINNING
from shared.events.scanning import ScanMode, VaultOutcome

DEFAULT_HOURS: Final = 168
DEFAULT_CALLS: Final = 20_000
RETRY_HOURS: Final = 24

QUESTIONS: Final[Mapping[ItemKind, tuple[Question, ...]]] = {
    ItemKind.SECRET: (Question.VERSIONS,),
    ItemKind.KEY: (Question.VERSIONS, Question.KEY, Question.ROTATION_POLICY),
    # The certificate first: one that was never completed may have no versions to list.
    ItemKind.CERTIFICATE: (Question.CERTIFICATE, Question.PENDING, Question.VERSIONS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """When details count as old: read before `read`; refused, or in the making, before `refused`.

    None: never. `everything` reads again what was not read in this scan.
    """

    everything: bool = False
    read: datetime | None = None
    refused: datetime | None = None


def ages(mode: ScanMode, now: datetime, hours: float) -> Ages:
    """Return which details a scan of this mode reads again although their item is unchanged.

    Policies change without touching the item, so a full scan reads them again after `hours`; every
    day what was refused, because somebody may have granted it, and operations that were under way.
    """
    if mode is ScanMode.FORCE:
        return Ages(everything=True)
    if mode is ScanMode.DELTA:
        return Ages()
    return Ages(
        read=now - timedelta(hours=hours), refused=now - timedelta(hours=min(hours, RETRY_HOURS))
    )


def questions(kind: ItemKind, refused: AbstractSet[tuple[ItemKind, Question]]) -> list[Question]:
    """Return what is to be asked of an item of this kind, without what its vault has refused."""
    return [question for question in QUESTIONS[kind] if (kind, question) not in refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a detail, or a part of it, could not be read.

    `settled`: asking again soon would not help, so the next scan does not. `everywhere`: no other
    item of the vault could be read either.
    """

    outcome: VaultOutcome
    reason: str
    remedy: str | None = None
    settled: bool = True
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """An item's versions in three figures; `current` is the version that the listing showed."""

    current: str | None = None
    count: int | None = None
    enabled_old: int | None = None


def summarise(versions: tuple[Version, ...] | None, item: Item) -> Summary:
    """Sum versions up. Key Vault does not mark the current one, so it is told by its attributes."""
    if versions is None:
        return Summary()
    current = current_version(versions, item)
    old = sum(version.enabled for version in versions if version is not current)
    return Summary(current.id if current else None, len(versions), old)


def current_version(versions: tuple[Version, ...], item: Item) -> Version | None:
    """Return the version that the item's listing showed; the newest where none fits."""
    seen = (item.created_on, item.updated_on, item.enabled, item.not_before, item.expires_on)
    return max(versions, key=lambda one: (_attributes(one) == seen, _age(one)), default=None)


def _attributes(version: Version) -> tuple[object, ...]:
    return (
        version.created_on,
        version.updated_on,
        version.enabled,
        version.not_before,
        version.expires_on,
    )


def _age(version: Version) -> tuple[datetime, str]:
    return version.created_on or BEGINNING, version.id


def merge(known: Detail, read: Detail) -> Detail:
    """Return what is known after a reading: what it did not tell stays."""
    return Detail(
        versions=known.versions if read.versions is None else read.versions,
        parts={**known.parts, **read.parts},
    )


def differences(known: Detail, after: Detail, old: Summary, new: Summary) -> Iterator[FieldChange]:
    """Yield what differs, as entries of the change feed; what is read first is no change."""
    if known.versions is not None:
        yield from _fields({"version": old.current}, {"version": new.current})
        yield from _fields({"version_count": old.count}, {"version_count": new.count})
        yield from _fields(
            {"enabled_old_versions": old.enabled_old}, {"enabled_old_versions": new.enabled_old}
        )
    for part, before in known.parts.items():
        yield from _fields(_flat(part, before), _flat(part, after.parts[part]))


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield FieldChange(name, before.get(name), after.get(name))


def _flat(part: str, fact: Fact | None) -> dict[str, Any]:
    written = {} if fact is None else orjson.loads(orjson.dumps(fact))
    return {f"{part}.{name}": value for name, value in written.items()}
