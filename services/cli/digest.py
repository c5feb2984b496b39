"""What happened since the last look, in a few lines: many of one kind are one line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

AT_MOST: Final = 3
_KINDS: Final = {
    "vault.scanned": "vaults were looked into",
    "alert.raised": "alerts were raised or became more pressing",
    "alert.resolved": "alerts were resolved",
}

_TOLD_BY_ITS_ALERT: Final = "secret.expiring"

Event = Mapping[str, Any]


def digest(events: Sequence[Event]) -> list[tuple[datetime, str]]:
    """Return what to print: each event's sentence, or one for more than three of the same kind.

    The newest of a crowd is named, so that a person sees an example of what happened.
    """
    kinds: dict[str, list[Event]] = {}
    for event in events:
        if _name(event["type"]) == _TOLD_BY_ITS_ALERT:
            continue
        kinds.setdefault(event["type"], []).append(event)
    lines = [line for kind, crowd in kinds.items() for line in _lines(kind, crowd)]
    return sorted(lines, key=lambda line: line[0])


def _lines(kind: str, crowd: Sequence[Event]) -> list[tuple[datetime, str]]:
    name = _name(kind)
    if len(crowd) <= AT_MOST or name not in _KINDS:
        return [(event["at"], event["summary"]) for event in crowd]
    newest = crowd[-1]
    return [(newest["at"], f"{len(crowd)} {_KINDS[name]}, the last: {newest['summary']}")]


def _name(kind: str) -> str:
    """Return subject and what of a wire type: `certifyclouds.vault.scanned.v1` is vault.scanned."""
    return ".".join(kind.split(".")[1:3])
