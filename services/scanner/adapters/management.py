"""The estate as the management API lists it, subscription by subscription, and as a fallback.

Slower than Resource Graph, but it answers where Resource Graph is blocked or fails.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from services.scanner.adapters.each import Pace, ask_each, unhurried
from services.scanner.adapters.subscriptions import list_subscriptions
from services.scanner.adapters.vaults import vault_ref
from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.ports import Estate, PartlyListedError
from shared.clouds import CloudClient, pages
from shared.clouds.client import get
from shared.clouds.errors import (
    BlindnessError,
    CloudError,
    ForeignHostError,
    IdentityUnavailableError,
)
from shared.errors import TransientError
from shared.telemetry import get_logger

logger = get_logger(__name__)

API: Final = "2023-07-01"
PAGE: Final = "1000"
# Neither a stopped guard nor a missing token is worked around: the second would fail alike.
NOT_WORKED_AROUND: Final = (BlindnessError, ForeignHostError, IdentityUnavailableError)


class ManagementEstate:
    """Implements `ports.Estate`. `arm` is the management endpoint, without a slash at its end.

    `pace` is awaited with the subscription's id before each page.
    """

    def __init__(self, client: CloudClient, arm: str, *, pace: Pace = unhurried) -> None:
        self._client = client
        self._arm = arm
        self._pace = pace

    async def subscriptions(self) -> list[Subscription]:
        return await list_subscriptions(self._client, self._arm)

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        asked = await ask_each(subscription_ids, self._vaults_of)
        failures = asked.failures
        if failures and not asked.found and all(map(_passes, failures.values())):
            raise next(iter(failures.values()))
        found = [vault for vaults in asked.found.values() for vault in vaults]
        found.sort(key=lambda vault: vault.resource_id)
        if failures:
            raise PartlyListedError(found, failures)
        return found

    async def _vaults_of(self, subscription_id: str) -> list[VaultRef]:
        what = f"the vaults of subscription {subscription_id}"
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/vaults"
        first = get(self._arm + path, **{"api-version": API, "$top": PAGE})
        turn = partial(self._pace, subscription_id)
        return [
            vault_ref(row, what)
            async for page in pages(self._client, first, what, turn=turn)
            for row in page
        ]


class FallbackEstate:
    """Implements `ports.Estate`: asks the first, and the second where the first does not answer."""

    def __init__(self, first: Estate, second: Estate) -> None:
        self._first = first
        self._second = second

    async def subscriptions(self) -> list[Subscription]:
        return await self._first.subscriptions()

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        """Return the vaults; the first has waited and tried again before it gave up."""
        try:
            return await self._first.vaults(subscription_ids)
        except NOT_WORKED_AROUND:
            raise
        except CloudError as error:
            logger.warning("estate.fallback", reason=str(error))
            return await self._second.vaults(subscription_ids)


def _passes(error: CloudError) -> bool:
    return isinstance(error, TransientError)
