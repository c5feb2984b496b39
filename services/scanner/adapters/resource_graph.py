"""The estate as Azure Resource Graph knows it: one query for the vaults of many subscriptions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from azure.core.rest import HttpRequest

from services.scanner.adapters import wire
from services.scanner.adapters.subscriptions import list_subscriptions
from services.scanner.adapters.vaults import vault_ref
from services.scanner.domain.inventory import Subscription, VaultRef
from shared.clouds import CloudClient
from shared.clouds.client import unexpected
from shared.clouds.paging import rows

_API: Final = "2021-03-01"
_PAGE: Final = 1000
_SUBSCRIPTIONS_PER_QUERY: Final = 1000
# Ordered by id, because Resource Graph's pages are only stable in an order.
_QUERY: Final = """\
Resources
| where type =~ 'microsoft.keyvault/vaults'
| project id, name, subscriptionId, resourceGroup, location, tags,
    vaultUri = properties.vaultUri, sku = properties.sku.name,
    rbac = properties.enableRbacAuthorization, createdAt = systemData.createdAt
| order by id asc"""
_WHAT: Final = "the vaults in Resource Graph"


class ResourceGraphEstate:
    """Implements `ports.Estate`. `arm` is the management endpoint, without a slash at its end."""

    def __init__(self, client: CloudClient, arm: str) -> None:
        self._client = client
        self._arm = arm

    async def subscriptions(self) -> list[Subscription]:
        return await list_subscriptions(self._client, self._arm)

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        found: list[VaultRef] = []
        for start in range(0, len(subscription_ids), _SUBSCRIPTIONS_PER_QUERY):
            chosen = subscription_ids[start : start + _SUBSCRIPTIONS_PER_QUERY]
            async for page in self._pages(chosen):
                found.extend(_vault(row) for row in page)
        return found

    async def _pages(self, subscription_ids: Sequence[str]) -> AsyncIterator[list[wire.Row]]:
        token, seen = None, set[str]()
        while True:
            answer = await self._client.read(self._query(subscription_ids, token), _WHAT)
            yield rows(answer, "data", _WHAT)
            token = wire.optional(answer, "$skipToken", str, _WHAT)
            if not token:
                _ensure_whole(answer)
                return
            if token in seen:
                raise unexpected(_WHAT, "its pages go round in a circle")
            seen.add(token)

    def _query(self, subscription_ids: Sequence[str], token: str | None) -> HttpRequest:
        options: dict[str, object] = {"$top": _PAGE, "resultFormat": "objectArray"}
        if token:
            options["$skipToken"] = token
        return HttpRequest(
            "POST",
            f"{self._arm}/providers/Microsoft.ResourceGraph/resources",
            params={"api-version": _API},
            json={"subscriptions": list(subscription_ids), "query": _QUERY, "options": options},
        )


def _ensure_whole(answer: Mapping[str, object]) -> None:
    """Refuse a listing that was cut off: vaults left out of it would count as deleted."""
    if answer.get("resultTruncated") == "true":
        raise unexpected(_WHAT, "it was cut off without a way to go on")


def _vault(row: wire.Row) -> VaultRef:
    return vault_ref(
        row,
        uri=wire.text(row, "vaultUri", _WHAT),
        sku=wire.text_or_empty(row, "sku", _WHAT),
        rbac=wire.optional(row, "rbac", bool, _WHAT) or False,
        created_on=wire.iso_instant(row, "createdAt", _WHAT),
        what=_WHAT,
    )
