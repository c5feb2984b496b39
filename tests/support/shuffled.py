"""A platform to which every message comes twice, in an order of its own.

Each delivery waits for a moment that is drawn by lot before it is published or due, and when it is
taken its handler runs twice: now, and once more after another such moment, as if the bus had
delivered it again. Only services that are started inside `shuffling` are treated so.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest

from shared.bus.dispatch import Dispatcher, Route
from shared.bus.transports.base import Inbound
from tests.support.database import Database

LONGEST_SECONDS = 1.5
SCATTER = f"""
    CREATE FUNCTION bus.scatter() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.visible_at := NEW.visible_at + random() * interval '{LONGEST_SECONDS} seconds';
        RETURN NEW;
    END $$;
    CREATE TRIGGER scatter BEFORE INSERT ON bus.delivery
    FOR EACH ROW EXECUTE FUNCTION bus.scatter();
"""


class Again:
    """A second delivery of the same message: what becomes of it is the bus's own affair."""

    def __init__(self, delivery: Inbound) -> None:
        self.queue = delivery.queue
        self.attempt = delivery.attempt
        self.headers = delivery.headers
        self.body = delivery.body

    async def complete(self) -> None:
        """Forget it."""

    async def retry(self, delay: float) -> None:
        """Forget it: the first one is tried again by itself."""

    async def bury(self, reason: str, description: str) -> None:
        """Forget it: the first one is buried."""

    async def release(self) -> None:
        """Forget it."""


@dataclass
class Shuffle:
    """How many messages were handled, how many once more, and what is still to come."""

    dice: random.Random
    handled: int = 0
    repeated: int = 0
    later: set[asyncio.Task[None]] = field(default_factory=set)

    async def repeat(self, dispatcher: Dispatcher, route: Route, delivery: Inbound) -> None:
        await asyncio.sleep(self.dice.uniform(0, LONGEST_SECONDS))
        await dispatch(dispatcher, route, Again(delivery))
        self.repeated += 1


_CURRENT: ContextVar[Shuffle | None] = ContextVar("shuffle", default=None)
dispatch = Dispatcher.dispatch


async def shuffled(dispatcher: Dispatcher, route: Route, delivery: Inbound) -> None:
    """Stand in for `Dispatcher.dispatch`."""
    shuffle = _CURRENT.get()
    if shuffle is not None:
        shuffle.handled += 1
        task = asyncio.create_task(shuffle.repeat(dispatcher, route, delivery))
        shuffle.later.add(task)
        task.add_done_callback(shuffle.later.discard)
    await dispatch(dispatcher, route, delivery)


@contextmanager
def shuffling(monkeypatch: pytest.MonkeyPatch, seed: int) -> Iterator[Shuffle]:
    """Treat every service that is started in this block so, for as long as it runs."""
    monkeypatch.setattr(Dispatcher, "dispatch", shuffled)
    shuffle = Shuffle(random.Random(seed))  # noqa: S311 - not a secret
    token = _CURRENT.set(shuffle)
    try:
        yield shuffle
    finally:
        _CURRENT.reset(token)


async def scatter(database: Database) -> None:
    """Let the outbox of a database keep each delivery for a moment that is drawn by lot."""
    async with database.connection() as conn:
        await conn.execute("SET ROLE bus_owner")
        await conn.execute(SCATTER)
