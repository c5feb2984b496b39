"""What becomes of an alert: raised, escalated, resolved, or left alone.

`decide` looks at what is (the open alert and the inventory), not at what a message claims, so that
a message that comes twice, late or out of order cannot change the outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from services.alerting.domain.credential import Credential, fitting
from services.alerting.domain.ladder import LADDER, step_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An open alert: the end it warns of and the closest step that people were told."""

    item_id: int
    expires_on: datetime
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a message said: this end is closer than this step (days)."""

    expires_on: datetime
    step: int


@dataclass(frozen=True, slots=True)
class Raise:
    """Open an alert at this step."""

    step: int


@dataclass(frozen=True, slots=True)
class Escalate:
    """Tell people again about the open alert: its end is closer than they were told."""

    step: int


@dataclass(frozen=True, slots=True)
class Resolve:
    """Close the open alert; `evidence` is the sentence that says what was seen."""

    evidence: str


Act: TypeAlias = Raise | Escalate | Resolve


def decide(
    standing: Standing | None,
    credential: Credential | None,
    *,
    now: datetime,
    told: Told | None = None,
    steps: Sequence[int] = LADDER,
) -> tuple[Act, ...]:
    """Return what to do, in order. A renewed credential may be close to its new end already."""
    evidence = settled(standing, credential) if standing else None
    step = closest(credential, now=now, told=told, steps=steps)
    if evidence:
        return (Resolve(evidence),) if step is None else (Resolve(evidence), Raise(step))
    if step is None:
        return ()
    if standing is None:
        return (Raise(step),)
    return (Escalate(step),) if _closer(standing, credential, step) else ()


def settled(standing: Standing, credential: Credential | None) -> str | None:
    """Return the evidence that settles an open alert, or None while it holds."""
    if credential is None:
        return "The inventory no longer holds it."
    if credential.deleted_at is not None:
        return f"It was deleted; the scan of {_instant(credential.deleted_at)} did not find it."
    if not credential.enabled:
        return "It was disabled."
    return _renewed(standing, credential)


def _renewed(standing: Standing, credential: Credential) -> str | None:
    if credential.expires_on is None:
        return "Its expiry date was removed: it no longer ends."
    if credential.expires_on <= standing.expires_on:
        return None
    if credential.ref.item_id != standing.item_id:
        name, end = credential.ref.name, _instant(credential.expires_on)
        return f"A newer credential, “{name}”, took its place; it ends on {end}."
    return f"It was renewed; it now ends on {_instant(credential.expires_on)}."


def closest(
    credential: Credential | None, *, now: datetime, told: Told | None, steps: Sequence[int]
) -> int | None:
    """Return the closest step that a usable credential has reached, by the clock or by word.

    The word of a message counts only for the end that the inventory shows, and only for a step of
    the rule; then a clock that is a little behind the sender's changes nothing.
    """
    if credential is None or credential.expires_on is None or credential.managed:
        return None
    if not credential.usable(now):
        return None
    rungs = fitting(credential, steps)
    seen = step_at(credential.expires_on, now, rungs)
    if told is None or told.expires_on != credential.expires_on or told.step not in rungs:
        return seen
    return told.step if seen is None else min(seen, told.step)


def _closer(standing: Standing, credential: Credential | None, step: int) -> bool:
    """Return whether people were told of a later step, or of a later end than there is now."""
    end = credential.expires_on if credential else None
    return step < standing.step or (end is not None and end < standing.expires_on)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
