"""How a scan is cut into shards.

Azure counts its quota by subscription and region, so a shard is one of each.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Presence(StrEnum):
    """What the control plane said of a source when the scan was planned.

    `missing`: its subscription was listed completely and it was not there. `unseen`: its
    subscription cannot be seen now, so nothing is known.
    """

    LISTED = "listed"
    MISSING = "missing"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A vault (or the directory: no subscription, no region) and its size at the last look."""

    vault_id: int
    subscription_id: str | None
    region: str | None
    items: int = 0
    presence: Presence = Presence.LISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Sources that one message covers."""

    shard_id: int
    subscription_id: str | None
    region: str | None
    sources: tuple[Source, ...]


def shards(sources: Iterable[Source]) -> list[Shard]:
    """Group sources by subscription and region, the largest shard and the largest source first.

    What takes longest begins first, so that a scan does not end with one large vault alone.
    """
    groups: dict[tuple[str | None, str | None], list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.subscription_id, source.region].append(source)
    ordered = sorted(groups.items(), key=lambda group: _largest_first(group[0], group[1]))
    return [
        Shard(
            shard_id=number,
            subscription_id=subscription_id,
            region=region,
            sources=tuple(sorted(group, key=lambda source: (-source.items, source.vault_id))),
        )
        for number, ((subscription_id, region), group) in enumerate(ordered, start=1)
    ]


def _largest_first(
    key: tuple[str | None, str | None], group: list[Source]
) -> tuple[int, int, str, str]:
    subscription_id, region = key
    items = sum(source.items for source in group)
    return -items, -len(group), subscription_id or "", region or ""
