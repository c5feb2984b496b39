"""What a rotation would do, for people to see and to allow; nothing in it is a value.

A plan's digest binds an approval to it: what is done later must have the same one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from services.rotator.domain.marker import OWN_TAGS
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.slots import endangered
from services.rotator.domain.standing import Standing, slot_of
from services.rotator.domain.version import Version

MOST_TAGS: Final = 15
"""Azure Key Vault, "About Key Vault secrets": a secret has up to 15 tags."""


NOTHING: Final[Mapping[Place, str | None]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, and what stands in the way (`refusals`, sentences)."""

    rotation: Rotation
    steps: tuple[str, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that decides what will be changed."""
        return hashlib.sha256(_canonical(_binding(self.rotation))).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {
            **_binding(self.rotation),
            "steps": list(self.steps),
            "refusals": list(self.refusals),
            "warnings": list(self.warnings),
        }


def make_plan(
    rotation: Rotation,
    standing: Standing,
    newest: Mapping[Place, Version | None],
    holds: Mapping[Place, str | None] = NOTHING,
) -> Plan:
    """Return the plan for what the target and the places are now.

    `holds` are the ids of the credentials whose values the places hold, where those can be told.
    """
    based = _based(rotation, standing, newest)
    endangers = endangered(standing, based.old_key_id, holds)
    return Plan(
        rotation=based,
        steps=tuple(_steps(based, standing)),
        refusals=(*_refusals(based, standing, newest), *endangers),
        warnings=tuple(_warnings(based, standing)),
    )


def _based(
    rotation: Rotation, standing: Standing, newest: Mapping[Place, Version | None]
) -> Rotation:
    """Return the rotation on what its places hold, with a lifetime that the target accepts."""
    places = tuple(
        replace(place, base_version=version.id if version else None)
        for place, version in newest.items()
    )
    longest = standing.longest
    lifetime = min(rotation.lifetime, longest) if longest is not None else rotation.lifetime
    old = standing.named(rotation.old_key_id)
    return replace(rotation, places=places, lifetime=lifetime, old_key_id=old)


def _binding(rotation: Rotation) -> dict[str, Any]:
    return {
        "credential_id": str(rotation.credential_id),
        "driver": rotation.driver,
        "target": rotation.target,
        "replaces": rotation.old_key_id,
        "emergency": rotation.emergency,
        "lifetime_seconds": int(rotation.lifetime.total_seconds()),
        "overlap_seconds": int(rotation.overlap.total_seconds()),
        "places": [
            {"vault": place.vault_url, "name": place.name, "version": place.base_version}
            for place in rotation.places
        ],
    }


def _canonical(binding: Mapping[str, Any]) -> bytes:
    return json.dumps(binding, sort_keys=True, separators=(",", ":")).encode()


def _steps(rotation: Rotation, standing: Standing) -> Sequence[str]:
    places = ", ".join(f"“{place.name}” in {place.vault_url}" for place in rotation.places)
    overlap = _span(rotation.overlap)
    return (
        _making(rotation, standing),
        "Use it for a real request until it works three times in a row.",
        f"Write it as the newest version of {places}.",
        "Wait until every copy of these secrets holds it.",
        f"Keep both alive for {overlap}; until then the old one can be had back."
        if rotation.overlap
        else "Go on at once: in an emergency nobody waits for who still holds the old one.",
        _removing(rotation, standing),
    )


def _making(rotation: Rotation, standing: Standing) -> str:
    if standing.has_slots:
        return (
            f"Renew the key that is not in use, beside {slot_of(rotation.old_key_id or '')}:"
            " whoever uses it is locked out at that moment. A key has no end of its own."
        )
    return f"Make a new credential that ends in {_span(rotation.lifetime)}, beside the old one."


def _removing(rotation: Rotation, standing: Standing) -> str:
    if rotation.old_key_id is None:
        return "Remove nothing: which credential was in use before is not known."
    if standing.has_slots:
        return f"Renew {slot_of(rotation.old_key_id)} too, so that its old key opens nothing."
    return f"Remove the old credential {rotation.old_key_id}, and no other."


def _refusals(
    rotation: Rotation, standing: Standing, newest: Mapping[Place, Version | None]
) -> Sequence[str]:
    found = [standing.refusal] if standing.refusal else []
    if standing.room is not None and standing.room < 1:
        found.append("The target has no room for one more credential; remove one that has ended.")
    if not rotation.places:
        found.append("No secret is known to hold the credential; confirm where it is kept.")
    if rotation.lifetime <= rotation.overlap and not standing.has_slots:
        found.append(
            f"A new credential may live {_span(rotation.lifetime)} only, which is not longer than"
            f" the overlap of {_span(rotation.overlap)}. Choose a shorter overlap."
        )
    return [*found, *_full(newest)]


def _full(newest: Mapping[Place, Version | None]) -> Sequence[str]:
    return [
        f"“{place.name}” has {kept} tags of its own, and a secret holds {MOST_TAGS}: remove"
        f" {kept + len(OWN_TAGS) - MOST_TAGS} of them."
        for place, version in newest.items()
        if (kept := len(set(version.tags) - OWN_TAGS if version else ())) + len(OWN_TAGS)
        > MOST_TAGS
    ]


def _warnings(rotation: Rotation, standing: Standing) -> Sequence[str]:
    old = rotation.old_key_id
    missing = old is not None and old not in standing.key_ids and not standing.has_slots
    told = [f"The target does not list the credential {old} (any more)."] if missing else []
    return [*told, *standing.warnings]


def _span(span: timedelta) -> str:
    hours = span.total_seconds() / 3_600
    if hours >= 72:  # noqa: PLR2004 - from here on people count in days
        return f"{hours / 24:.0f} days"
    return f"{hours:.0f} hours" if hours >= 1 else f"{span.total_seconds():.0f} seconds"
