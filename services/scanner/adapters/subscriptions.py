"""The subscriptions that the identity can see, from the management API."""

from typing import Final

from services.scanner.domain.inventory import Subscription
from shared.clouds import CloudClient, pages, wire
from shared.clouds.client import get

_API: Final = "2022-12-01"
_WHAT: Final = "the subscriptions"


async def list_subscriptions(client: CloudClient, arm: str) -> list[Subscription]:
    """Return every subscription, whatever its state, in the order of their ids."""
    first = get(f"{arm}/subscriptions", **{"api-version": _API})
    found = [_subscription(row) async for page in pages(client, first, _WHAT) for row in page]
    return sorted(found, key=lambda subscription: subscription.id)


def _subscription(row: wire.Row) -> Subscription:
    return Subscription(
        id=wire.text(row, "subscriptionId", _WHAT).lower(),
        name=wire.text_or_empty(row, "displayName", _WHAT),
        state=wire.text(row, "state", _WHAT),
    )
