"""The profile `demo`: Contoso, a company with three subscriptions and sixty vaults.

Two vaults cannot be read by the identity that discovers: one grants it no role, one does not let
its network in. Eight use access policies that let it list and nothing else.
"""

from dataclasses import dataclass
from typing import Final

from sandbox.estate.model import Estate, Vault
from sandbox.profiles import tenant, words
from sandbox.profiles.accounts import add_accounts
from sandbox.profiles.applications import add_applications
from sandbox.profiles.details import describe
from sandbox.profiles.dice import DAY, Dice
from sandbox.profiles.filling import Filler
from sandbox.profiles.principals import CONTOSO, furnish

SUBSCRIPTIONS: Final = ("Contoso Production", "Contoso Non-Production", "Contoso Shared Services")
ITEMS: Final = 4_000
APPLICATIONS: Final = 40
_VAULTS: Final = 60
_PER_SUBSCRIPTION: Final = (28, 20, 12)
_POLICY_VAULTS: Final = 8
_NO_ROLE: Final = "kv-hr-payroll-prod"
_NO_NETWORK: Final = "kv-treasury-prod-weu"
_ROTATED_TEAMS: Final = ("payments", "orders", "identity")
_LONGEST_NAME: Final = 24


@dataclass(frozen=True, slots=True)
class _Place:
    """A vault and what its items' tags tell of it."""

    vault: Vault
    team: str
    environment: str


def make(seed: int, now: int) -> Estate:
    """Return the estate that this seed gives, with every date relative to `now`."""
    estate, dice = tenant.found("demo", seed, now, SUBSCRIPTIONS)
    places = [
        place
        for number, count in enumerate(_PER_SUBSCRIPTION)
        for place in _vaults(estate, dice, number, count)
    ]
    _use_policies(dice, places)
    weights = [dice.weight() for _ in places]
    for place, weight in zip(places, weights, strict=True):
        filler = Filler(place.vault, dice, now, team=place.team, environment=place.environment)
        filler.fill(max(6, round(ITEMS * weight / sum(weights))))
    vaults = [place.vault for place in places]
    tenant.let_discover(estate, dice, [vault for vault in vaults if vault.name != _NO_ROLE])
    rotated = [place.vault for place in places if place.team in _ROTATED_TEAMS]
    tenant.let_rotate_and_sync(estate, dice, rotated)
    add_applications(estate, dice, now, APPLICATIONS)
    describe(estate)
    furnish(estate, now, CONTOSO)
    add_accounts(estate, now)
    return estate


def _vaults(estate: Estate, dice: Dice, number: int, count: int) -> list[_Place]:
    """Return a subscription's vaults, spread over teams and regions."""
    environments = (("prod",), ("dev", "test", "acc"), ("shared",))[number]
    teams = words.SHARED_TEAMS if environments == ("shared",) else words.TEAMS
    special = (_NO_ROLE, _NO_NETWORK) if number == 0 else ()
    places = [_special(estate, name) for name in special]
    while len(places) < count:
        team = teams[len(places) % len(teams)]
        environment = dice.pick(environments)
        places.append(_ordinary(estate, dice, number, team, environment))
    return places


def _special(estate: Estate, name: str) -> _Place:
    team = name.split("-")[1]
    vault = Vault(
        name=name,
        subscription_id=estate.subscriptions[0].id,
        resource_group=f"rg-{team}-prod",
        location="westeurope",
        created=estate.made_at - 900 * DAY,
        purge_protection=True,
        firewall="selected-networks" if name == _NO_NETWORK else "open",
        tags={"team": team, "environment": "prod", "data-classification": "restricted"},
    )
    return _Place(estate.add_vault(vault), team, "prod")


def _ordinary(estate: Estate, dice: Dice, number: int, team: str, environment: str) -> _Place:
    region, short, _ = dice.pick_weighted([(region, region[2]) for region in words.REGIONS])
    vault = Vault(
        name=_free_name(estate, f"kv-{team}-{environment}-{short}"),
        subscription_id=estate.subscriptions[number].id,
        resource_group=f"rg-{team}-{environment}",
        location=region,
        created=estate.made_at - dice.seconds(100, 1_500),
        sku="premium" if environment == "prod" and dice.chance(0.15) else "standard",
        purge_protection=environment == "prod" and dice.chance(0.7),
        retention_days=90 if dice.chance(0.8) else dice.pick((7, 14, 30)),
        tags={"team": team, "environment": environment} if dice.chance(0.9) else {},
    )
    return _Place(estate.add_vault(vault), team, environment)


def _free_name(estate: Estate, wanted: str) -> str:
    """Return the name, shortened and numbered until no other vault has it."""
    name, number = wanted[:_LONGEST_NAME].rstrip("-"), 2
    while name in estate.vaults:
        ending = f"-{number}"
        name, number = wanted[: _LONGEST_NAME - len(ending)].rstrip("-") + ending, number + 1
    return name


def _use_policies(dice: Dice, places: list[_Place]) -> None:
    ordinary = [p.vault for p in places if p.vault.name not in (_NO_ROLE, _NO_NETWORK)]
    for vault in dice.some(ordinary, _POLICY_VAULTS):
        vault.rbac = False
