"""Which thresholds apply to an item: rules inherit, and the most specific one wins.

The scopes, from the widest to the narrowest: global, subscription, vault, tag, item. A rule sets
its days, its percentages, or both; what it leaves open comes from the next wider rule, and in the
end from the settings. Of two tags that an item carries the more careful rule counts: the one whose
warning is the longer, then the one whose critical window is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from services.scanner.domain.status import DEFAULT, Thresholds
from shared.events.scanning import ThresholdScope

Pair: TypeAlias = tuple[int, int]
"""The warning and the critical threshold, in this order."""

TAG_SEPARATOR: Final = "="


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an item is, as far as rules ask. `item_id` is None for one that was never stored."""

    subscription_id: str | None
    vault_id: int
    item_id: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one scope says; None leaves it to the wider scopes.

    `name` is the subscription's id, the vault's or item's id in the inventory, or `key=text` of a
    tag; it is empty for the global scope.
    """

    scope: ThresholdScope
    name: str = ""
    days: Pair | None = None
    percent: Pair | None = None

    def __post_init__(self) -> None:
        """Refuse, with a sentence, thresholds in the wrong order and names that fit no scope."""
        merge(DEFAULT, self.days, self.percent)
        if not _FITS[self.scope](self.name):
            raise ValueError(f"{self.name!r} does not name {_NAMED_BY[self.scope]}.")


_NAMED_BY: Final = {
    ThresholdScope.GLOBAL: "the global scope, whose name is empty",
    ThresholdScope.SUBSCRIPTION: "a subscription: its id is needed",
    ThresholdScope.VAULT: "a vault: its number in the inventory is needed",
    ThresholdScope.TAG: "a tag: it is written key=text",
    ThresholdScope.ITEM: "an item: its number in the inventory is needed",
}
_FITS: Final[Mapping[ThresholdScope, Callable[[str], bool]]] = {
    ThresholdScope.GLOBAL: lambda name: not name,
    ThresholdScope.SUBSCRIPTION: bool,
    ThresholdScope.VAULT: lambda name: name.isascii() and name.isdigit(),
    ThresholdScope.TAG: lambda name: (
        bool(name.partition(TAG_SEPARATOR)[0]) and TAG_SEPARATOR in name
    ),
    ThresholdScope.ITEM: lambda name: name.isascii() and name.isdigit(),
}


class RuleBook:
    """All rules at one moment, on the ground of the settings' thresholds."""

    def __init__(self, rules: Iterable[Rule] = (), base: Thresholds = DEFAULT) -> None:
        self.base = base
        self._rules = {(rule.scope, rule.name): rule for rule in rules}

    def resolve(self, place: Place) -> Thresholds:
        """Return the thresholds of an item that is there; the same for equal places always."""
        if not self._rules:
            return self.base
        found = self.base
        for scope, names in _names(place):
            rules = [self._rules[key] for name in names if (key := (scope, name)) in self._rules]
            days = max((rule.days for rule in rules if rule.days), default=None)
            percent = max((rule.percent for rule in rules if rule.percent), default=None)
            found = merge(found, days, percent)
        return found


def merge(wider: Thresholds, days: Pair | None, percent: Pair | None) -> Thresholds:
    """Return thresholds with these pairs in place of the wider ones.

    Raises `ValueError` with a sentence if a pair is in the wrong order or out of bounds.
    """
    if days:
        wider = replace(wider, warning_days=days[0], critical_days=days[1])
    if percent:
        wider = replace(wider, warning_percent=percent[0], critical_percent=percent[1])
    return wider


def _names(place: Place) -> tuple[tuple[ThresholdScope, list[str]], ...]:
    """Return the names that rules for this place may have, the widest scope first."""
    subscription = [] if place.subscription_id is None else [place.subscription_id]
    item = [] if place.item_id is None else [str(place.item_id)]
    tags = [f"{key}{TAG_SEPARATOR}{text}" for key, text in place.tags.items()]
    return (
        (ThresholdScope.GLOBAL, [""]),
        (ThresholdScope.SUBSCRIPTION, subscription),
        (ThresholdScope.VAULT, [str(place.vault_id)]),
        (ThresholdScope.TAG, tags),
        (ThresholdScope.ITEM, item),
    )
