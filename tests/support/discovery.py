"""An estate and what is true about it, for the conformance suite of the scanner's ports."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.scanner.adapters import Clouds
from services.scanner.domain.inventory import Application, Item, ItemKind, Subscription, VaultRef
from shared.clouds import CloudSettings, Identity, cloud_settings
from shared.clouds.errors import AccessDeniedError, Denial
from tests.support import truth
from tests.support.memory_clouds import MemoryClouds
from tests.support.sandbox import Sandbox

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class World:
    """`vaults` by resource id, `items` by vault name and external id, `credentials` by id."""

    clouds: Clouds
    subscriptions: list[Subscription]
    vaults: dict[str, VaultRef]
    items: dict[str, dict[str, Item]]
    credentials: dict[str, Item]
    unreadable: set[str] = field(default_factory=set)


def memory_world() -> World:
    """Return a small estate in memory: two subscriptions, four vaults, one of them closed."""
    subscriptions = [Subscription(id=f"sub-{n}", name=f"Subscription {n}") for n in range(2)]
    refs = [_vault(number, subscriptions[number % 2].id) for number in range(4)]
    held = {ref.name: _items(30 * number) for number, ref in enumerate(refs[:3])}
    closed = refs[3].name
    denied = AccessDeniedError(
        f"No role of this identity allows it to list the secrets of vault {closed}.",
        denial=Denial.ROLE,
        remedy="Assign the role Key Vault Reader.",
    )
    memory = MemoryClouds(subscriptions, refs, held, {closed: denied}, _credentials())
    return World(
        clouds=memory.clouds(),
        subscriptions=subscriptions,
        vaults={ref.resource_id: ref for ref in refs},
        items={name: {item.external_id: item for item in items} for name, items in held.items()},
        credentials={item.external_id: item for item in memory.applications},
        unreadable={closed},
    )


def _vault(number: int, subscription_id: str) -> VaultRef:
    name = f"kv-{number}"
    return VaultRef(
        resource_id=f"/subscriptions/{subscription_id}/resourcegroups/rg/providers/microsoft.keyvault/vaults/{name}",
        name=name,
        uri=f"https://{name}.vault.azure.net/",
        subscription_id=subscription_id,
        resource_group="rg",
        region="westeurope",
        sku="standard",
    )


def _items(count: int) -> list[Item]:
    return [
        Item(
            kind=ItemKind.SECRET,
            external_id=f"secrets/item-{number}",
            name=f"item-{number}",
            created_on=NOON,
            updated_on=NOON,
            expires_on=NOON + timedelta(days=number),
        )
        for number in range(count)
    ]


def _credentials() -> list[Item]:
    application = Application(object_id="object-1", app_id="app-1", display_name="Billing")
    return [
        Item(
            kind=ItemKind.APP_SECRET,
            external_id=f"object-1/key-{number}",
            name="ci",
            not_before=NOON,
            expires_on=NOON + timedelta(days=90),
            application=application,
        )
        for number in range(30)
    ]


async def sandbox_world(sandbox: Sandbox, clouds: Clouds) -> World:
    """Return the sandbox's estate as the real adapters see it, with what is true about it."""
    told = await asyncio.to_thread(sandbox.control.truth)
    return World(
        clouds=clouds,
        subscriptions=truth.subscriptions(told),
        vaults=truth.vaults(told),
        items=truth.items(told),
        credentials=truth.credentials(told),
        unreadable=truth.unreadable(told, "discover"),
    )


def settings_for(sandbox: Sandbox, identity: str = "discover") -> CloudSettings:
    """Return the settings with which the product finds this sandbox, as one of its identities."""
    ready = sandbox.ready
    return cloud_settings(
        "sandbox",
        sandbox_port=ready["port"],
        sandbox_ca_file=Path(ready["ca_file"]),
        identity=Identity(client_id=ready["identities"][identity]["client_id"]),
    )
