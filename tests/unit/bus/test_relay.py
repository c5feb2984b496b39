"""The relay, with a broker that refuses on command."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import relay
from shared.bus.metrics import Metrics
from shared.bus.relay import BATCH, Relay
from shared.bus.store import Claimed
from shared.bus.transports.queue import Wake
from tests.support.bus import until


class Outbox:
    """A transport that hands out `waiting` and takes back what was not sent."""

    def __init__(self, count: int) -> None:
        self.waiting = [claimed() for _ in range(count)]
        self.wake_up = Wake()
        self.broken = False
        self.claims = 0

    def wake(self, _: str) -> Wake:
        return self.wake_up

    async def claim(self, _: str, limit: int, *, delivery_limit: int) -> list[Any]:
        assert delivery_limit > 10**9
        self.claims += 1
        if self.broken:
            self.broken = False
            raise ConnectionError("the database is away")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return [SimpleNamespace(claimed=one) for one in taken]

    async def complete(self, done: Sequence[Claimed]) -> None:
        assert done

    async def release(self, failed: Sequence[Claimed], seconds: float) -> None:
        self.waiting += failed
        self.wake_up.within(seconds)


def claimed() -> Claimed:
    return Claimed(
        seq=1, lease=uuid4(), queue="relay", attempt=0, message_id=uuid4(),
        type="certifyclouds.scan.requested.v1", headers={}, body=b"{}", route=None,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(relay, "LAST_PAUSE_SECONDS", 0.01)


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
    outbox = Outbox(2 * BATCH + 3)
    sent, registry = await relay_all(outbox)
    assert len(set(sent)) == 2 * BATCH + 3
    assert registry.get_sample_value("certifyclouds_bus_relayed_total") == 2 * BATCH + 3


async def test_what_the_broker_refuses_stays_and_is_sent_later() -> None:
    outbox = Outbox(5)
    sent, registry = await relay_all(outbox, refuse=7)
    assert len(set(sent)) == 5
    label = {"error": "RuntimeError"}
    assert registry.get_sample_value("certifyclouds_bus_relay_failed_total", label) == 7


async def test_a_database_that_is_away_does_not_end_the_relay() -> None:
    outbox = Outbox(2)
    outbox.broken = True
    sent, _ = await relay_all(outbox)
    assert len(sent) == 2


async def test_an_idle_relay_stops_at_once() -> None:
    outbox = Outbox(0)
    await relay_all(outbox)
