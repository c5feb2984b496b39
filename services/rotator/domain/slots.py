"""Credentials in fixed slots: what must be so before one of them is renewed.

Renewing ends at once what stood in the slot. So it must certainly be the one that nobody reads from
a place, and which one that is decides what the places hold, not what somebody once said.
"""

from collections.abc import Mapping

from services.rotator.domain.rotation import Place
from services.rotator.domain.standing import Standing


def endangered(
    standing: Standing, in_use: str | None, holds: Mapping[Place, str | None]
) -> list[str]:
    """Return, as sentences, what speaks against renewing any slot but the one in use.

    `holds` are the ids of the credentials whose values the places hold, None: of no credential.
    Places that hold nothing at all are not among them.
    """
    if not standing.has_slots:
        return []
    if in_use not in standing.key_ids:
        return [unknown(in_use)]
    return [_misplaced(place, held) for place, held in holds.items() if held != in_use]


def unknown(in_use: str | None) -> str:
    """Return the sentence on a key in use that the target does not have."""
    return (
        f"The target has no key “{in_use or ''}” (any more): it was renewed by somebody else, or"
        " SECRET_KEY was changed meanwhile. Nothing was renewed; confirm again which key is in use"
        " and which secrets hold it."
    )


def _misplaced(place: Place, held: str | None) -> str:
    if held is None:
        return (
            f"“{place.name}” in {place.vault_url} does not hold the key as it is. A connection"
            " string, or another value, would be overwritten with a bare key; choose a secret that"
            " holds the key alone."
        )
    return (
        f"“{place.name}” in {place.vault_url} holds the other key, which this rotation would renew"
        " at once. Confirm again which key is in use."
    )
