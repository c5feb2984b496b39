"""Which matches people are shown: the likely ones of what is there, and not too many of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.rotator.domain.matching import Match, Ruling, match
from services.rotator.domain.signals import AppCredential, Place, VaultSecret

MOST_OF_A_SECRET: Final = 5
MOST: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """The matches that are shown, the likeliest first, and how many were too many."""

    matches: tuple[Match, ...]
    left_out: int


def suggest(
    credentials: Sequence[AppCredential],
    secrets: Sequence[VaultSecret],
    confirmed: Sequence[Ruling],
    *,
    most: int = MOST,
) -> Suggested:
    """Return what could hold what. What a confirmed secret could hold besides is not suggested."""
    taken: dict[Place, str] = {
        place: key_id for key_id, place in (ruling.about for ruling in confirmed)
    }
    free = [one for one in match(credentials, secrets, rulings=confirmed) if _is_free(one, taken)]
    of_a_secret: Counter[Place] = Counter()
    shown: list[Match] = []
    for one in sorted(free, key=_order):
        of_a_secret[one.secret.place] += 1
        if len(shown) < most and of_a_secret[one.secret.place] <= MOST_OF_A_SECRET:
            shown.append(one)
    return Suggested(matches=tuple(shown), left_out=len(free) - len(shown))


def _is_free(one: Match, taken: dict[Place, str]) -> bool:
    key_id = one.credential.key_id.casefold()
    return taken.get(one.secret.place, key_id) == key_id


def _order(one: Match) -> tuple[float, Place, str]:
    return -one.score, one.secret.place, one.credential.key_id
