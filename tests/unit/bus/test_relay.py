"""The relay, with a broker that refuses on command."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import destinations, relay
from shared.bus.metrics import Metrics
from shared.bus.relay import WINDOW, Relay, SendError
from shared.bus.standing import Standing
from shared.bus.store import Claimed
from shared.bus.transports.queue import Wake
from tests.support.bus import until

numbers = count(1)


class Outbox:
    """A transport that hands out `waiting` and takes back what was not sent."""

    def __init__(self, number: int) -> None:
        self.waiting = [claimed() for _ in range(number)]
        self.wake_up = Wake()
        self.broken = False
        self.claims = 0

    def wake(self, _: str) -> Wake:
        return self.wake_up

    async def claim(self, _: str, limit: int, *, delivery_limit: int) -> list[Any]:
        assert delivery_limit > 10**9
        await asyncio.sleep(0)
        self.claims += 1
        if self.broken:
            self.broken = False
            raise ConnectionError("the database is away")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return [SimpleNamespace(claimed=one) for one in taken]

    async def complete(self, done: Sequence[Claimed]) -> None:
        assert done

    async def release(self, failed: Sequence[Claimed], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(seconds * 0.9, lambda: self.waiting.extend(failed))
        self.wake_up.within(seconds)


def claimed(type_: str = "certifyclouds.scan.requested.v1") -> Claimed:
    return Claimed(
        seq=next(numbers), lease=uuid4(), queue="relay", attempt=0, message_id=uuid4(),
        type=type_, headers={}, body=b"{}", route=None,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (destinations, relay):
        monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.001)
        monkeypatch.setattr(module, "LAST_PAUSE_SECONDS", 0.01)


async def relay_all(outbox: Any, refuse: int = 0) -> tuple[list[UUID], CollectorRegistry]:
    """Relay until everything is sent; the broker refuses the first `refuse` messages."""
    sent: list[UUID] = []
    refusals = iter(range(refuse))
    total, registry = len(outbox.waiting), CollectorRegistry()

    async def send(one: Claimed) -> None:
        if next(refusals, None) is not None:
            raise RuntimeError("no queue takes it")
        sent.append(one.message_id)

    running = Relay(outbox, send, Metrics(registry))
    task = asyncio.create_task(running.run())
    await until(lambda: len(sent) == total)
    running.stop()
    await asyncio.wait_for(task, 5)
    return sent, registry


async def test_everything_is_relayed_in_batches() -> None:
    outbox = Outbox(2 * WINDOW + 3)
    sent, registry = await relay_all(outbox)
    assert len(set(sent)) == 2 * WINDOW + 3
    assert registry.get_sample_value("certifyclouds_bus_relayed_total") == 2 * WINDOW + 3


async def test_what_the_broker_refuses_stays_and_is_sent_later() -> None:
    outbox = Outbox(5)
    sent, registry = await relay_all(outbox, refuse=7)
    assert len(set(sent)) == 5
    label = {"reason": "RuntimeError"}
    assert registry.get_sample_value("certifyclouds_bus_relay_failed_total", label) == 7


async def test_a_database_that_is_away_does_not_end_the_relay() -> None:
    outbox = Outbox(2)
    outbox.broken = True
    sent, _ = await relay_all(outbox)
    assert len(sent) == 2


async def test_an_idle_relay_stops_at_once() -> None:
    outbox = Outbox(0)
    await relay_all(outbox)


@asynccontextmanager
async def relaying(
    outbox: Any, send: Callable[[Claimed], Awaitable[None]], **options: Any
) -> AsyncIterator[Relay]:
    running = Relay(outbox, send, Metrics(CollectorRegistry()), **options)
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        running.stop()
        await asyncio.wait_for(task, 5)


async def test_a_relay_claims_no_more_than_a_slow_broker_takes() -> None:
    outbox, answer, asked = Outbox(3 * WINDOW), asyncio.Event(), 0

    async def slow(_: Claimed) -> None:
        nonlocal asked
        asked += 1
        await answer.wait()

    async with relaying(outbox, slow):
        await until(lambda: asked == WINDOW)
        outbox.wake_up.set()
        left = len(outbox.waiting)
        answer.set()
        await until(lambda: asked == 3 * WINDOW)

    assert left == 2 * WINDOW


async def test_a_broker_that_takes_nothing_is_given_nothing() -> None:
    outbox, opened, sent = Outbox(3), asyncio.Event(), []

    async def is_open() -> bool:
        looked.set()
        return opened.is_set()

    async def send(one: Claimed) -> None:
        sent.append(one)

    looked = asyncio.Event()
    async with relaying(outbox, send, is_open=is_open):
        await looked.wait()
        claims = outbox.claims
        opened.set()
        await until(lambda: len(sent) == 3)

    assert claims == 0


async def test_a_destination_that_never_answers_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(destinations, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(relay, "SLOW_SECONDS", 0.02)
    outbox, never = Outbox(0), asyncio.Event()
    outbox.waiting = [claimed("silent") for _ in range(3 * WINDOW)]
    outbox.waiting += [claimed("well") for _ in range(2 * WINDOW)]
    asked: Counter[str] = Counter()

    async def send(one: Claimed) -> None:
        asked[one.type] += 1
        if one.type == "silent":
            await never.wait()

    async with relaying(outbox, send):
        await until(lambda: asked["well"] == 2 * WINDOW)
        silent = asked["silent"]
        never.set()

    assert 0 < silent <= WINDOW


async def test_a_destination_that_refuses_is_tried_with_one_message_at_a_time() -> None:
    outbox, refusing, trying, refused, sent = Outbox(20), True, 0, [], []

    async def send(_: Claimed) -> None:
        nonlocal trying
        trying += 1
        await asyncio.sleep(0)
        trying -= 1
        if refusing:
            refused.append(trying)
            raise SendError("unroutable", "There is no queue.")
        sent.append(1)

    standing = Standing()
    async with relaying(outbox, send, standing=standing):
        await until(lambda: len(refused) > 22)
        told = standing.troubles()
        refusing = False
        await until(lambda: len(sent) == 20)
        await until(lambda: not standing.troubles())

    assert set(refused[20:]) == {0}
    assert told == [
        "certifyclouds.scan.requested.v1 stays in the outbox: SendError: There is no queue."
    ]


async def test_a_stopping_relay_settles_what_is_under_way() -> None:
    outbox, answer, done = Outbox(3), asyncio.Event(), []

    async def send(_: Claimed) -> None:
        begun.set()
        await answer.wait()

    async def complete(batch: Sequence[Claimed]) -> None:
        await asyncio.sleep(0)
        done.extend(batch)

    begun = asyncio.Event()
    outbox.complete = complete  # type: ignore[method-assign]
    async with relaying(outbox, send) as running:
        await begun.wait()
        running.stop()
        answer.set()

    assert len(done) == 3


async def test_a_message_whose_answer_is_not_waited_for_goes_back_at_once() -> None:
    outbox, begun = Outbox(2), asyncio.Event()

    async def send(_: Claimed) -> None:
        begun.set()
        await asyncio.sleep(3600)

    async with relaying(outbox, send) as running:
        await begun.wait()
        running.stop()
        running.abandon()
    await until(lambda: len(outbox.waiting) == 2)
