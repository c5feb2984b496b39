"""What somebody with a scope sees of a scan and of the live stream: their own vaults' part."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from services.gateway.domain.scope import Scope
from shared.events import (
    LicenseChanged,
    ReleaseAvailable,
    RotationCompleted,
    RotationFailed,
    RotationPublished,
    RotationStep,
    ScanCompleted,
    VaultScanned,
)
from shared.events.alerting import AlertResolved
from shared.events.scanning import ScanOutcome

Place: TypeAlias = tuple[int, str | None]

SCAN_ENDED: Final = "A scan has ended"
# Of the installation itself: no part of the inventory is named.
_FOR_ALL: Final = frozenset({LicenseChanged.type, ReleaseAvailable.type})
# What is said of the whole estate, or names parts of it that may be out of sight.
_OF_THE_WHOLE: Final[Mapping[str, Any]] = {
    "subscription_ids": [],
    "selector": "",
    "error": None,
    "calls": {},
    "details_pending": 0,
    "excluded": 0,
}
_NUMBERS: Final = ("vaults", "vaults_done", "unreadable", "items", "added", "changed", "removed")


class About(StrEnum):
    """What an event is about: what decides who may see it."""

    ALL = "all"
    SCAN = "scan"
    VAULT = "vault"
    ITEM = "item"
    ALERT = "alert"
    ROTATION = "rotation"
    WHOLE = "whole"


_ROTATION: Final = (About.ROTATION, "rotation_id")
_BY_ID: Final[Mapping[str, tuple[About, str]]] = {
    ScanCompleted.type: (About.SCAN, "scan_id"),
    AlertResolved.type: (About.ALERT, "alert_id"),
    RotationStep.type: _ROTATION,
    RotationPublished.type: _ROTATION,
    RotationCompleted.type: _ROTATION,
    RotationFailed.type: _ROTATION,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about, with its id as text and, for a vault, where that is."""

    about: About
    id: str = ""
    place: Place | None = None


def subject_of(type_: str, data: Mapping[str, Any]) -> Subject:
    """Return what an event is about; one that does not say is about the whole estate."""
    credential = data.get("credential")
    if type_ in _FOR_ALL:
        return Subject(About.ALL)
    if type_ in _BY_ID:
        about, name = _BY_ID[type_]
        return Subject(about, str(data[name]))
    if type_ == VaultScanned.type:
        return Subject(About.VAULT, place=(data["vault_id"], data.get("subscription_id")))
    if credential:
        return Subject(About.ITEM, str(credential["item_id"]))
    return Subject(About.WHOLE)


def sees(scope: Scope, subject: Subject, places: Collection[Place]) -> bool:
    """Say whether an event is shown; `places` are where its item, alert or rotation was found.

    A rotation has several, and is shown to those who see all of them.
    """
    if subject.about in {About.ALL, About.SCAN}:
        return True
    where = [subject.place] if subject.place else places
    return bool(where) and all(scope.holds(*place) for place in where)


def own_part(scan: Mapping[str, Any], numbers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a scan with the numbers of somebody's own vaults, without what tells of others."""
    own = {name: numbers[name] if numbers else 0 for name in _NUMBERS}
    shown = {**scan, **{name: own[name] for name in _NUMBERS if name in scan}}
    shown |= {name: value for name, value in _OF_THE_WHOLE.items() if name in scan}
    if scan.get("outcome") is not None:
        shown["outcome"] = _outcome(own["vaults"], own["unreadable"])
    return shown


def _outcome(vaults: int, unreadable: int) -> ScanOutcome:
    if not unreadable:
        return ScanOutcome.COMPLETE
    return ScanOutcome.FAILED if unreadable == vaults else ScanOutcome.PARTIAL
