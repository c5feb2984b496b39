"""Which subscriptions a caller sees: one in which it holds no role is not there."""

from sandbox.arm import errors
from sandbox.estate.model import Subscription
from sandbox.tokens import Caller
from sandbox.world import World


def sees(world: World, caller: Caller, subscription_id: str) -> bool:
    return world.access.sees_subscription(caller.object_id, subscription_id)


def find(world: World, caller: Caller, subscription_id: str) -> Subscription:
    """Return the subscription; refuse one that the caller does not see."""
    for found in world.estate.subscriptions:
        if found.id == subscription_id.lower() and sees(world, caller, found.id):
            return found
    raise errors.subscription_not_found(subscription_id)
