"""Links: the one-way paths of messages (OASIS AMQP 1.0 part 2 section 2.6).

Named from the bus's side: an incoming link is a client's sender, an outgoing one its receiver.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sandbox.service_bus import outcomes
from sandbox.service_bus.codec import Described, UInt, ULong
from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.stored import Stored
from sandbox.service_bus.errors import TOO_LARGE, TRANSFER_LIMIT, BusError
from sandbox.service_bus.frames import Attach, Detach, Flow, Transfer, error

if TYPE_CHECKING:
    from sandbox.service_bus.session import Session

# Standard tier (Service Bus quotas, "Message size for a queue, topic, or subscription entity").
MAX_MESSAGE: Final = 256 * 1024
_CREDIT: Final = 1_000
_BATCHED: Final = 0x80013700
_SETTLED: Final = 1

# Takes a message's bytes and its format; returns an outcome, or None to leave it unanswered.
Take = Callable[[bytes, int], Described | None]


class Link:
    """What both directions share: a name and a handle on a session."""

    receives = False

    def __init__(self, session: "Session", attach: Attach, entity: Entity | None) -> None:
        self.session = session
        self.handle = UInt(attach.handle)
        self.entity = entity
        self.delivery_count = 0
        if entity is not None:
            entity.links.add(self)

    def detach(self, why: BusError) -> None:
        """End the link and tell the client why."""
        self.close()
        self.session.forget(self)
        self.session.send(Detach(self.handle, True, error(why.condition, why.description)))

    def close(self) -> None:
        """Let go of the entity."""
        if self.entity is not None:
            self.entity.links.discard(self)


class IncomingLink(Link):
    """A client's sender: to an entity, to `$cbs` or to a management node."""

    def __init__(
        self, session: "Session", attach: Attach, take: Take, entity: Entity | None = None
    ) -> None:
        super().__init__(session, attach, entity)
        self._take = take
        self._parts = bytearray()
        self._size = 0
        self._first: Transfer | None = None
        self._credit = 0
        self.delivery_count = attach.initial_delivery_count or 0

    def give_credit(self) -> None:
        self._credit = _CREDIT
        self.session.send_flow(self, self._credit)

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Take a message or a part of it, and answer when it is whole.

        Of one that is too large only as much is kept as is allowed.
        """
        first = self._first = self._first or transfer
        self._size += len(payload)
        if self._size <= MAX_MESSAGE:
            self._parts += payload
        if transfer.more:
            return
        raw, size = bytes(self._parts), self._size
        self._parts, self._size, self._first = bytearray(), 0, None
        self._count()
        if transfer.aborted:
            return
        if size > MAX_MESSAGE:
            outcome: Described | None = outcomes.rejected(_too_large(size))
        else:
            outcome = self._take(raw, first.message_format or 0)
        if outcome is not None and not first.settled:
            self.session.settle(first.delivery_id, outcome, receiver=True)
        if self._credit < _CREDIT // 2:
            self.give_credit()

    def _count(self) -> None:
        if self._credit <= 0:
            raise BusError(TRANSFER_LIMIT, "The link has no credit for another message.")
        self._credit -= 1
        self.delivery_count += 1


class OutgoingLink(Link):
    """A client's receiver: of a queue's messages, or of answers to requests."""

    receives = True

    def __init__(self, session: "Session", attach: Attach, queue: Queue | None = None) -> None:
        super().__init__(session, attach, queue)
        self.queue = queue
        self.credit = 0
        self.settled = attach.snd_settle_mode == _SETTLED

    def flow(self, flow: Flow) -> None:
        """Take the client's credit; a drain is answered when there is nothing more to give."""
        until = (flow.delivery_count or 0) + (flow.link_credit or 0)
        self.credit = max(0, until - self.delivery_count)
        if self.queue is not None:
            if self.credit:
                self.queue.want(self)
            else:
                self.queue.forget(self)
        if flow.drain:
            self._drain()

    def _drain(self) -> None:
        self.delivery_count += self.credit
        self.credit = 0
        if self.queue is not None:
            self.queue.forget(self)
        self.session.send_flow(self, 0, drain=True)

    def deliver(self, stored: Stored) -> None:
        # The tag is the lock's token as .NET writes a GUID; the client reads the token from it.
        tag = (stored.token or uuid4()).bytes_le
        delivery = self._transfer(stored.encode(), tag)
        if stored.token is not None and self.queue is not None:
            self.session.unsettled[delivery] = (self.queue, stored.token)

    def answer(self, raw: bytes) -> None:
        """Send the answer to a request, which nobody settles."""
        self._transfer(raw, uuid4().bytes, settled=True)

    def _transfer(self, raw: bytes, tag: bytes, *, settled: bool | None = None) -> int:
        self.credit -= 1
        self.delivery_count += 1
        settled = self.settled if settled is None else settled
        return self.session.send_message(Transfer(self.handle, None, tag, UInt(0), settled), raw)

    def close(self) -> None:
        super().close()
        self.credit = 0
        if self.queue is not None:
            self.queue.forget(self)


def is_batch(message_format: int) -> bool:
    """Say whether each data section is a message (Service Bus AMQP protocol guide, batching)."""
    return message_format == _BATCHED


def max_message_size() -> ULong:
    return ULong(MAX_MESSAGE)


def _too_large(size: int) -> BusError:
    return BusError(
        TOO_LARGE,
        f"The received message (delivery size:{size} bytes) exceeds the limit ({MAX_MESSAGE}"
        " bytes) currently allowed on the link.",
    )
