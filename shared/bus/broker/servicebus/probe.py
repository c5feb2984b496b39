"""Whether the namespace answers: asked of an entity that the broker uses anyway."""

from __future__ import annotations

import asyncio

from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessagingEntityNotFoundError

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.client import Connection, closed

# A broker that uses no entity asks for one that is not there: to be told so is an answer.
NOWHERE = Address("ping")


class Probe:
    """Peeks at one entity, which locks nothing and changes nothing; the link is kept for later.

    A key that may only send is not let in here, and the answer is then no.
    """

    def __init__(self, connection: Connection, address: Address | None) -> None:
        self._connection = connection
        self._address = address or NOWHERE
        self._native: ServiceBusReceiver | None = None
        self._turn = asyncio.Lock()

    async def ask(self, seconds: float) -> bool:
        """Say whether the entity answers within `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._turn:
                return await self._peek()
        except Exception:  # noqa: BLE001 - whatever happened, it does not answer
            return False

    async def _peek(self) -> bool:
        if self._native is None:
            self._native = self._connection.receiver(self._address)
        try:
            await self._native.peek_messages(1)
        except MessagingEntityNotFoundError:
            await self.close()
            return self._address is NOWHERE
        except BaseException:
            await self.close()
            raise
        return True

    async def close(self) -> None:
        native, self._native = self._native, None
        if native:
            await closed(native)
