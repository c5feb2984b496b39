"""Which credentials and secrets could belong together at all, without comparing each with each.

Whatever speaks for a match is shared by both sides: a word, an id, a time, a consumer. So both are
filed under what they could share, and only those that meet are compared. Words need more than one
meeting: names alone show a match only if they share more than half of their words, so they share
one of the rarest.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final, TypeAlias

from services.rotator.domain.names import words_of
from services.rotator.domain.signals import (
    SAME_END,
    SAME_START,
    AppCredential,
    Consumer,
    Place,
    VaultSecret,
)

Key: TypeAlias = tuple[str, object]
ALIKE: Final = 0.54
"""Names that are less alike than this are not shown for that alone (0.30 of at most 0.55)."""

_NEIGHBOURS: Final = (-1, 0, 1)


def pairs(
    credentials: Sequence[AppCredential],
    secrets: Sequence[VaultSecret],
    *,
    consumers: Iterable[Consumer] = (),
    ruled: Iterable[tuple[str, Place]] = (),
) -> Iterator[tuple[AppCredential, VaultSecret]]:
    """Yield every pair for which anything could speak, each once, in the order given.

    `ruled` holds what people decided about: a credential's id and a secret's place.
    """
    filed: dict[Key, list[int]] = defaultdict(list)
    for number, secret in enumerate(secrets):
        for key in _of_secret(secret):
            filed[key].append(number)
    told = _told(consumers, ruled)
    for credential in credentials:
        keys = {
            *_of_credential(credential),
            *_rarest_words(credential, filed),
            *told[credential.app_id.casefold()],
            *told[credential.key_id.casefold()],
        }
        numbers = {number for key in keys for number in filed.get(key, ())}
        yield from ((credential, secrets[number]) for number in sorted(numbers))


def _told(
    consumers: Iterable[Consumer], ruled: Iterable[tuple[str, Place]]
) -> defaultdict[str, list[Key]]:
    """Return the places that consumers and people connect with an application or a credential."""
    told: defaultdict[str, list[Key]] = defaultdict(list)
    for consumer in consumers:
        for app_id in consumer.app_ids:
            told[app_id] += [("place", place) for place in consumer.secrets]
    for key_id, place in ruled:
        told[key_id.casefold()].append(("place", place))
    return told


def _of_secret(secret: VaultSecret) -> set[Key]:
    keys: set[Key] = {("id", value.strip().casefold()) for value in secret.tags.values()}
    keys |= {("word", word) for word in words_of(secret.name)}
    keys.add(("place", secret.place))
    if secret.expires_on is not None:
        keys.add(("end", _cell(secret.expires_on, SAME_END)))
    if secret.created_on is not None:
        keys.add(("start", _cell(secret.created_on, SAME_START)))
    return keys


def _of_credential(credential: AppCredential) -> set[Key]:
    keys: set[Key] = {("id", one.casefold()) for one in (credential.app_id, credential.key_id)}
    keys |= _around("end", credential.end, SAME_END)
    return keys | _around("start", credential.start, SAME_START)


def _rarest_words(credential: AppCredential, filed: Mapping[Key, Sequence[int]]) -> Iterator[Key]:
    """Yield as many of each name's rarest words as any name that is alike has at least one of."""
    for name in (credential.app_name, credential.display_name or ""):
        keys: list[Key] = [("word", word) for word in words_of(name)]
        keys.sort(key=lambda key: len(filed.get(key, ())))
        yield from keys[: len(keys) - ceil(ALIKE * len(keys)) + 1]


def _around(kind: str, moment: datetime | None, width: timedelta) -> set[Key]:
    """Return the cell of a moment and those beside it: what is close is in one of them."""
    if moment is None:
        return set()
    return {(kind, _cell(moment, width) + step) for step in _NEIGHBOURS}


def _cell(moment: datetime, width: timedelta) -> int:
    return int(moment.timestamp() // width.total_seconds())
