"""A delivery's life without a namespace: settled once, its lock kept, lost and told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    ServiceBusConnectionError,
)
from faststream.exceptions import FeatureNotSupportedException

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.envelope import Envelope
from shared.bus.broker.servicebus.keeper import SHORTEST_PAUSE_SECONDS, Keeper
from shared.bus.transports.base import Inbound
from shared.clock import utc_now
from tests.support.service_bus import until


class Link:
    """Implements `Link`; `fail` is raised by the next call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sent: list[Envelope] = []
        self.fail: Exception | None = None
        self.called = asyncio.Event()

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        self.called.set()
        await asyncio.sleep(0)
        if self.fail:
            error, self.fail = self.fail, None
            raise error

    async def complete(self) -> None:
        await self._call("complete")

    async def abandon(self) -> None:
        await self._call("abandon")

    async def dead_letter(self, reason: str, description: str) -> None:
        await self._call(f"dead_letter {reason} {description}")

    async def renew(self) -> datetime:
        await self._call("renew")
        return utc_now() + timedelta(hours=1)

    async def send(self, envelope: Envelope) -> None:
        self.sent.append(envelope)
        await self._call("send")


class Case:
    """A delivery, its link, and what was told."""

    def __init__(self, locked_for: float | None = None, address: Address | None = None) -> None:
        self.link = Link()
        self.told: list[str] = []
        until = None if locked_for is None else utc_now() + timedelta(seconds=locked_for)
        self.delivery = Delivery(
            Envelope(body=b"{}", headers={"ce-id": "e", "x-attempt": 2}, message_id="e:2"),
            address or Address("orders"),
            self.link,
            lambda what, error=None: self.told.append(f"{what} {type(error).__name__}"),
            locked_until=until,
        )


Way = Callable[[Inbound], "asyncio.Future[None]"]
WAYS = [
    (lambda one: one.complete(), ["complete"]),
    (lambda one: one.release(), ["abandon"]),
    (lambda one: one.bury("why", "because"), ["dead_letter why because"]),
    (lambda one: one.retry(5), ["send", "complete"]),
]


@pytest.mark.parametrize(("way", "calls"), WAYS)
async def test_a_delivery_is_an_inbound_that_settles_once(way: Way, calls: list[str]) -> None:
    case = Case()
    inbound: Inbound = case.delivery
    assert (inbound.queue, inbound.attempt, inbound.body) == ("orders", 2, b"{}")
    assert inbound.headers["ce-id"] == "e"
    await way(inbound)
    for again, _ in WAYS:
        await again(inbound)
    assert case.link.calls == calls
    assert case.delivery.settled


@pytest.mark.parametrize("error", [MessageLockLostError(), MessageAlreadySettled()])
@pytest.mark.parametrize(("way", "calls"), WAYS)
async def test_a_lost_lock_is_told_and_ends_every_way_to_settle(
    error: Exception, way: Way, calls: list[str]
) -> None:
    case = Case()
    case.link.fail = error
    await case.delivery.complete()
    assert case.delivery.lock_lost.is_set()
    assert not case.delivery.settled
    assert "was lost: it is delivered again" in case.told[0]
    before = len(case.link.calls)
    await way(case.delivery)
    assert len(case.link.calls) == before, f"nothing of {calls} is tried"
    assert "is not settled, its lock was lost" in case.told[-1]


@pytest.mark.parametrize(("way", "calls"), WAYS)
async def test_a_settlement_that_fails_is_raised_and_may_be_tried_again(
    way: Way, calls: list[str]
) -> None:
    case = Case()
    case.link.fail = ServiceBusConnectionError()
    with pytest.raises(ServiceBusConnectionError):
        await way(case.delivery)
    assert not case.delivery.settled
    await way(case.delivery)
    assert case.link.calls[1:] == calls
    assert case.delivery.settled


async def test_a_copy_is_stored_before_the_original_goes() -> None:
    case = Case()
    case.link.fail = ServiceBusConnectionError()
    with pytest.raises(ServiceBusConnectionError):
        await case.delivery.retry(60)
    assert case.link.calls == ["send"]


@pytest.mark.parametrize("address", [Address("t", "s"), Address("q", sub_queue="deadletter")])
async def test_what_cannot_be_sent_to_takes_no_copy(address: Address) -> None:
    case = Case(address=address)
    with pytest.raises(FeatureNotSupportedException, match="forward to a queue"):
        await case.delivery.retry(60)
    assert case.link.calls == []


@asynccontextmanager
async def kept(case: Case, longest: float = 3600) -> AsyncIterator[None]:
    """Keep the lock of a case for as long as the block lasts."""
    keeper = Keeper(case.delivery, longest)
    keeper.start()
    try:
        yield
    finally:
        await keeper.stop()


async def test_a_lock_is_renewed_before_it_ends_until_the_message_is_settled() -> None:
    case = Case(locked_for=0.5)
    async with kept(case):
        await case.link.called.wait()
        await case.delivery.complete()
    assert case.link.calls == ["renew", "complete"]


async def test_a_lock_is_renewed_again_and_again() -> None:
    case = Case(locked_for=0.5)

    async def renew() -> datetime:
        case.link.calls.append("renew")
        return utc_now() + timedelta(seconds=0.5)

    case.link.renew = renew  # type: ignore[method-assign]
    async with kept(case):
        await until(lambda: len(case.link.calls) == 3)


async def test_a_handler_that_ends_soon_costs_no_task() -> None:
    case, before = Case(locked_for=60), asyncio.all_tasks()
    async with kept(case):
        await case.delivery.complete()
        assert asyncio.all_tasks() == before


async def test_settling_waits_for_a_renewal_that_is_under_way() -> None:
    case = Case(locked_for=0.5)
    order: list[str] = []
    go_on = asyncio.Event()

    async def renew() -> datetime:
        order.append("renewal begins")
        case.link.called.set()
        await go_on.wait()
        order.append("renewal ends")
        return utc_now() + timedelta(hours=1)

    case.link.renew = renew  # type: ignore[method-assign]
    async with kept(case):
        await case.link.called.wait()
        settling = asyncio.create_task(case.delivery.complete())
        await asyncio.sleep(0)
        assert case.link.calls == []
        go_on.set()
        await settling
    assert order == ["renewal begins", "renewal ends"]
    assert case.link.calls == ["complete"]


async def test_who_stops_keeping_waits_for_a_renewal_that_is_under_way() -> None:
    case = Case(locked_for=0.5)
    order: list[str] = []

    async def renew() -> datetime:
        case.link.called.set()
        await asyncio.sleep(0.01)
        order.append("renewed")
        return utc_now() + timedelta(seconds=0.5)

    case.link.renew = renew  # type: ignore[method-assign]
    async with kept(case):
        await case.link.called.wait()
    order.append("stopped")
    assert order == ["renewed", "stopped"]


async def test_nothing_is_renewed_that_was_settled_meanwhile() -> None:
    case = Case(locked_for=0.5)
    go_on = asyncio.Event()

    async def complete() -> None:
        await go_on.wait()
        case.link.calls.append("complete")

    case.link.complete = complete  # type: ignore[method-assign]
    settling = asyncio.create_task(case.delivery.complete())
    async with kept(case):
        await until(lambda: case.delivery._turn._waiters)
        go_on.set()
        await settling
    assert case.link.calls == ["complete"]


async def test_renewing_ends_with_a_lost_lock() -> None:
    case = Case(locked_for=0.5)
    case.link.fail = MessageLockLostError()
    async with kept(case):
        await case.delivery.lock_lost.wait()
        await asyncio.sleep(2 * SHORTEST_PAUSE_SECONDS)
    assert case.link.calls == ["renew"]


async def test_a_renewal_that_fails_when_the_lock_has_ended_is_a_lost_lock() -> None:
    case = Case(locked_for=-1)
    case.link.fail = ServiceBusConnectionError()
    async with kept(case):
        await case.delivery.lock_lost.wait()


async def test_a_renewal_that_fails_earlier_is_told_and_tried_again() -> None:
    case = Case(locked_for=1.5)
    case.link.fail = ServiceBusConnectionError()
    async with kept(case):
        await until(lambda: len(case.link.calls) == 2)
    assert not case.delivery.lock_lost.is_set()
    assert "could not be renewed yet" in case.told[0]


@pytest.mark.parametrize(("locked_for", "longest"), [(None, 3600.0), (0.1, 0.0)])
async def test_what_has_no_lock_or_shall_not_be_renewed_is_left_alone(
    locked_for: float | None, longest: float
) -> None:
    case = Case(locked_for=locked_for)
    async with kept(case, longest):
        await asyncio.sleep(2 * SHORTEST_PAUSE_SECONDS)
    assert case.link.calls == []


def test_a_delivery_is_locked_until_it_is_settled_lost_or_too_late() -> None:
    now = utc_now()
    assert Case().delivery.locked_at(now)
    assert Case(locked_for=60).delivery.locked_at(now)
    assert not Case(locked_for=60).delivery.locked_at(now + timedelta(minutes=2))
