"""Which sources are looked at: the facts of a source, and what selectors make of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.sharding import Source
from shared.selector import Facts, Field, Selector, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A source with what a selector of sources can ask about it, as it was listed last."""

    source: Source
    name: str
    subscription_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> Facts:
        """Return its facts. The directory (no subscription) has no region and no tags: known."""
        here = (self.source.subscription_id, self.subscription_name)
        return Facts(
            known={
                Field.SUB: tuple(word for word in here if word),
                Field.VAULT: (self.name,),
                Field.REGION: (self.source.region,) if self.source.region else (),
                Field.SOURCE: ("vault" if self.source.subscription_id else "directory",),
            },
            tags=self.tags,
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """Places divided: those to look at, and those that the installation leaves out by choice."""

    places: tuple[Place, ...]
    excluded: tuple[Place, ...]


def divide(
    places: list[Place],
    selector: Selector,
    scope: Selector,
    unwatched: Collection[str] = (),
) -> Cut:
    """Divide places by a scan's `selector`, and by what the installation leaves out, first.

    That is what its `scope` does not include, and subscriptions that are not watched.
    """

    def is_left_out(place: Place) -> bool:
        return place.source.subscription_id in unwatched or not includes(scope, place)

    wanted = tuple(place for place in places if not is_left_out(place))
    return Cut(
        places=tuple(place for place in wanted if includes(selector, place)),
        excluded=tuple(place for place in places if is_left_out(place)),
    )


def includes(selector: Selector, place: Place) -> bool:
    """Say whether a place is looked at. What is not known counts as in: looking harms nobody."""
    return selector.verdict(place.facts()) is not Verdict.NO


def place_of(vault: VaultRef | None, name: str, subscriptions: Mapping[str, Subscription]) -> Place:
    """Return a listed vault (None: the directory) as a place; nothing is stored of it."""
    if vault is None:
        source = Source(vault_id=0, subscription_id=None, region=None)
        return Place(source=source, name=name)
    known = subscriptions.get(vault.subscription_id)
    return Place(
        source=Source(vault_id=0, subscription_id=vault.subscription_id, region=vault.region),
        name=vault.name,
        subscription_name=known.name if known else None,
        tags=vault.tags,
    )


def nothing_fits(selector: Selector, scope: Selector, *, unwatched: bool = False) -> str:
    """Return the sentence for a scan that has no source left."""
    if unwatched and not selector and not scope:
        return "No subscription is watched, so nothing was looked at: watch one again."
    chosen = f"The selector “{selector}” fits no source" if selector else "No source is in scope"
    within = f" within SCAN_SCOPE “{scope}”" if scope else ""
    return f"{chosen}{within}, so nothing was looked at: check the names and the tags in it."
