"""The estate as Azure Resource Graph knows it: one query for the vaults of many subscriptions."""

from collections.abc import Sequence
from typing import Final

from services.scanner.adapters.graph_queries import GraphQueries
from services.scanner.adapters.subscriptions import list_subscriptions
from services.scanner.adapters.vaults import vault_ref
from services.scanner.domain.inventory import Subscription, VaultRef
from shared.clouds import CloudClient

# Ordered by id, because Resource Graph's pages are only stable in an order.
_QUERY: Final = """\
Resources
| where type =~ 'microsoft.keyvault/vaults'
| project id, name, location, tags, properties, systemData
| order by id asc"""
_WHAT: Final = "the vaults in Resource Graph"


class ResourceGraphEstate:
    """Implements `ports.Estate`. `arm` is the management endpoint, without a slash at its end."""

    def __init__(self, client: CloudClient, arm: str, queries: GraphQueries | None = None) -> None:
        self._client = client
        self._arm = arm
        self._queries = queries or GraphQueries(client, arm)

    async def subscriptions(self) -> list[Subscription]:
        return await list_subscriptions(self._client, self._arm)

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        pages = self._queries.rows(_QUERY, subscription_ids, _WHAT)
        return [vault_ref(row, _WHAT) async for page in pages for row in page]
