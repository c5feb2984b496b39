"""Asking subscription by subscription: one that fails is that subscription's failure."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from shared.clouds.errors import BlindnessError, CloudError, ForeignHostError
from shared.errors import TransientError

T = TypeVar("T")
Pace = Callable[[str], Awaitable[None]]
AT_ONCE: Final = 8
# So many that failed for a passing reason, and none that answered since: the service is down, and
# each further question would wait through all its retries.
_GIVE_UP_AFTER: Final = 5


async def unhurried(subscription_id: str) -> None:
    """Wait for nothing; a budget for each subscription takes this one's place."""
    del subscription_id


@dataclass(slots=True)
class Asked(Generic[T]):
    """What was answered and what failed, by subscription."""

    found: dict[str, T] = field(default_factory=dict)
    failures: dict[str, CloudError] = field(default_factory=dict)


async def ask_each(subscription_ids: Sequence[str], ask: Callable[[str], Awaitable[T]]) -> Asked[T]:
    """Ask for each subscription, some at a time. A stopped guard is raised: it is no failure."""
    asked: Asked[T] = Asked()
    down: list[CloudError] = []
    places = asyncio.Semaphore(AT_ONCE)

    async def one(subscription_id: str) -> None:
        async with places:
            if len(down) >= _GIVE_UP_AFTER:
                asked.failures[subscription_id] = down[-1]
                return
            try:
                asked.found[subscription_id] = await ask(subscription_id)
                down.clear()
            except (BlindnessError, ForeignHostError):
                raise
            except CloudError as error:
                asked.failures[subscription_id] = error
                if isinstance(error, TransientError):
                    down.append(error)

    try:
        async with asyncio.TaskGroup() as group:
            for subscription_id in subscription_ids:
                group.create_task(one(subscription_id))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return asked
