"""A delivery as FastStream's handlers see it."""

from __future__ import annotations

from faststream.message import AckStatus

from shared.bus.broker.message import TransportMessage
from shared.bus.broker.servicebus.delivery import Delivery


class ServiceBusMessage(TransportMessage[Delivery]):
    """FastStream's three ways to settle: complete, give back (at once or later), dead-letter."""

    @property
    def delivery(self) -> Delivery:
        """The locked message: attempt, sequence number, dead-letter reason, and more."""
        return self.raw_message

    @property
    def attempt(self) -> int:
        """The number of the try, from 0; only `nack` with a delay counts it up."""
        return self.delivery.attempt

    @property
    def lock_lost(self) -> bool:
        """Whether Service Bus may already have given the message to somebody else."""
        return self.delivery.lock_lost.is_set()

    async def nack(self, delay: float = 0.0) -> None:
        """Give the message back: at once, or as a copy that waits `delay` seconds.

        At once, Service Bus counts deliveries and moves the message to the dead letters after the
        queue's MaxDeliveryCount; later, the attempt is counted and the handler decides.
        """
        if delay <= 0 and self.committed is None:
            await self.delivery.release()
            self.committed = AckStatus.NACKED
        await super().nack(delay)
