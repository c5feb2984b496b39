"""Storage and database accounts, namespaces and caches, thrown with dice of their own.

`rotate` may renew the keys of all but those of the team `legacy`.
"""

from typing import Final

from sandbox.estate.accounts import Account, Key, KeyRing, Right
from sandbox.estate.keyed import (
    COGNITIVE,
    COSMOS,
    EVENT_HUBS,
    REDIS,
    SERVICE_BUS,
    STORAGE,
    KeyedType,
)
from sandbox.estate.model import Estate
from sandbox.profiles import tenant
from sandbox.profiles.dice import Dice

_TEAMS: Final = ("payments", "orders", "legacy")
# Of each type: how its names begin, its SKU, its kind, and the role that opens its keys.
_PLANS: Final[tuple[tuple[KeyedType, str, str, str, str], ...]] = (
    (
        STORAGE,
        "st",
        "Standard_LRS",
        "StorageV2",
        "Storage Account Key Operator Service Role",
    ),
    (COSMOS, "cosmos-", "Standard", "GlobalDocumentDB", "DocumentDB Account Contributor"),
    (SERVICE_BUS, "sb-", "Standard", "", "Azure Service Bus Data Owner"),
    (EVENT_HUBS, "evh-", "Standard", "", "Azure Event Hubs Data Owner"),
    (REDIS, "redis-", "Standard", "", "Redis Cache Contributor"),
    (COGNITIVE, "ai-", "S0", "CognitiveServices", "Cognitive Services Contributor"),
)
_RULES: Final[tuple[tuple[str, tuple[Right, ...]], ...]] = (
    ("RootManageSharedAccessKey", ("Listen", "Manage", "Send")),
    ("send-only", ("Send",)),
)
_UNOPENED: Final = "legacy"


def add_accounts(estate: Estate, now: int) -> None:
    """Add one account of each type for each team."""
    dice = Dice(f"{estate.profile}:{estate.seed}:accounts")
    for row, begin, sku, kind, role in _PLANS:
        for team in _TEAMS:
            account = Account(
                type=row.type,
                name=_name(row, begin, team),
                subscription_id=estate.subscriptions[0].id,
                resource_group=f"rg-{team}-prod",
                location="westeurope",
                created=now - dice.seconds(200, 900),
                sku=sku,
                kind=kind,
                tags={"team": team, "environment": "prod"},
            )
            _add_keys(dice, row, account, now)
            estate.accounts.add(account)
            if team != _UNOPENED:
                tenant.assign(estate, dice, "rotate", account.resource_id, role)


def _add_keys(dice: Dice, row: KeyedType, account: Account, now: int) -> None:
    for name, rights in _RULES if row.of_rules else (("", ()),):
        keys = {
            slot: Key(row.written(dice.octets(row.key_bytes)), now - dice.seconds(5, 180))
            for slot in row.slots.values()
        }
        account.add_ring(KeyRing(keys=keys, name=name, rights=rights))


def _name(row: KeyedType, begin: str, team: str) -> str:
    """Return a name; a storage account's has letters and digits only."""
    return f"{begin}contoso{team}" if row is STORAGE else f"{begin}contoso-{team}"
