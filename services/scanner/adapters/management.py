"""The estate as the management API lists it, subscription by subscription, and as a fallback.

Slower than Resource Graph, but it answers where Resource Graph is blocked or fails.
"""

from collections.abc import Sequence
from typing import Final

from services.scanner.adapters import wire
from services.scanner.adapters.subscriptions import list_subscriptions
from services.scanner.adapters.vaults import vault_ref
from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.ports import Estate
from shared.clouds import CloudClient, pages
from shared.clouds.client import get
from shared.clouds.errors import BlindnessError, ForeignHostError
from shared.errors import PermanentError
from shared.telemetry import get_logger

logger = get_logger(__name__)

API: Final = "2023-07-01"
PAGE: Final = "1000"


class ManagementEstate:
    """Implements `ports.Estate`. `arm` is the management endpoint, without a slash at its end."""

    def __init__(self, client: CloudClient, arm: str) -> None:
        self._client = client
        self._arm = arm

    async def subscriptions(self) -> list[Subscription]:
        return await list_subscriptions(self._client, self._arm)

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        found: list[VaultRef] = []
        for subscription_id in subscription_ids:
            found.extend(await self._vaults_of(subscription_id))
        return sorted(found, key=lambda vault: vault.resource_id)

    async def _vaults_of(self, subscription_id: str) -> list[VaultRef]:
        what = f"the vaults of subscription {subscription_id}"
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/vaults"
        first = get(self._arm + path, **{"api-version": API, "$top": PAGE})
        return [
            read_vault(row, what) async for page in pages(self._client, first, what) for row in page
        ]


class FallbackEstate:
    """Implements `ports.Estate`: asks the first, and the second where the first cannot answer."""

    def __init__(self, first: Estate, second: Estate) -> None:
        self._first = first
        self._second = second

    async def subscriptions(self) -> list[Subscription]:
        return await self._first.subscriptions()

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        """Return the vaults; what passes by itself (`TransientError`) is not worked around."""
        try:
            return await self._first.vaults(subscription_ids)
        except (BlindnessError, ForeignHostError):
            raise
        except PermanentError as error:
            logger.warning("estate.fallback", reason=str(error))
            return await self._second.vaults(subscription_ids)


def read_vault(row: wire.Row, what: str) -> VaultRef:
    """Return the vault that a row of the management API describes."""
    properties = wire.part(row, "properties", what)
    sku = wire.part(properties, "sku", what)
    created = wire.part(row, "systemData", what)
    return vault_ref(
        row,
        uri=wire.text(properties, "vaultUri", what),
        sku=wire.text_or_empty(sku, "name", what),
        rbac=wire.optional(properties, "enableRbacAuthorization", bool, what) or False,
        created_on=wire.iso_instant(created, "createdAt", what),
        what=what,
    )
