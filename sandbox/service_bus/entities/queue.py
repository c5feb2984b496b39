"""A queue: messages in order, each locked for one receiver until it is settled.

Service Bus documentation, "Message transfers, locks, and settlement", "Dead-letter queues",
"Message expiration", "Message deferral" and "Autoforwarding".
"""

import heapq
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Final, Protocol
from uuid import UUID

from sandbox.service_bus.entities.entity import MOST_HOPS, Attached, Entity, Surroundings
from sandbox.service_bus.entities.locks import Locks
from sandbox.service_bus.entities.options import Options
from sandbox.service_bus.entities.stored import ACTIVE, DEFERRED, GONE, Stored
from sandbox.service_bus.errors import HOPS, MESSAGE_NOT_FOUND, BusError
from sandbox.service_bus.message import Message

DEAD_LETTERS: Final = "$DeadLetterQueue"
TRANSFER: Final = "$Transfer"
_REASON: Final = "DeadLetterReason"
_DESCRIPTION: Final = "DeadLetterErrorDescription"


class Consumer(Attached, Protocol):
    """A receiver's link: takes as many messages as it has credit for.

    `settled` means that what it is given counts as received (receive-and-delete).
    """

    credit: int
    settled: bool

    def deliver(self, stored: Stored) -> None: ...


class Queue(Entity):
    """A queue, a subscription, or (when `of` is given) the dead letters of one."""

    def __init__(
        self,
        path: str,
        options: Options,
        surroundings: Surroundings,
        of: "Queue | None" = None,
    ) -> None:
        super().__init__(path, options, surroundings)
        self._of = of
        self._messages: dict[int, Stored] = {}
        self._ready: list[tuple[int, Stored]] = []
        self._waiting: deque[Consumer] = deque()
        self._size = 0
        self.locks = Locks(self.agenda, self._give_back, self.dispatch)
        self.dead_letters: Queue = self if of else self._sub_queue(DEAD_LETTERS)
        self.transfer_dead_letters: Queue = (
            self if of else self._sub_queue(f"{TRANSFER}/{DEAD_LETTERS}")
        )

    def _sub_queue(self, name: str) -> "Queue":
        return Queue(f"{self.path}/{name}", self.options, self.surroundings, of=self)

    @property
    def size(self) -> int:
        return self._size

    @property
    def count(self) -> int:
        """Return how many messages it holds, locked and deferred ones too; no scheduled ones."""
        return len(self._messages)

    def delete(self) -> None:
        super().delete()
        if not self._of:
            self.dead_letters.delete()
            self.transfer_dead_letters.delete()

    # In

    def accept(self, message: Message, hops: int = 0, source: str | None = None) -> None:
        if self.options.forward_to and not self._of:
            self._forward(message, self.options.forward_to, hops, source)
        else:
            self.keep(message, source=source)

    def _forward(self, message: Message, to: str, hops: int, source: str | None) -> None:
        """Hand a message on; what cannot be handed on is a dead letter of the transfer."""
        try:
            _check_hops(hops)
            target = self.surroundings.find(to)
            target.check_open("send")
            target.check_room(message.size)
        except BusError as error:
            why = {_REASON: error.condition, _DESCRIPTION: error.description}
            self.transfer_dead_letters.keep(message.with_properties(why))
        else:
            target.accept(message, hops + 1, source)

    def keep(self, message: Message, *, source: str | None = None, deliveries: int = 0) -> None:
        """Store a message here, whatever forwarding says."""
        now = self.now()
        stored = Stored(
            self.next_sequence(), message, now, source=source, delivery_count=deliveries
        )
        if not self._of:
            self._let_die(stored, now)
        self.surroundings.keeping.add(self.path, stored)
        self.take_back(stored)
        self.dispatch()

    def take_back(self, stored: Stored) -> None:
        """Hold a message, which is kept already."""
        self._messages[stored.sequence] = stored
        self._size += stored.message.size
        if stored.expires is not None:
            self.agenda.at(stored.expires, lambda: self._expire(stored))
        if stored.state == ACTIVE:
            heapq.heappush(self._ready, (stored.sequence, stored))

    def _let_die(self, stored: Stored, now: float) -> None:
        """Note when a message expires: at its own time to live, or at the entity's if shorter."""
        own, most = stored.message.seconds_to_live, self.options.seconds_to_live
        seconds = most if own is None else own if most is None else min(own, most)
        if seconds is not None:
            stored.expires = now + seconds

    # Out

    def want(self, consumer: Consumer) -> None:
        """Remember a receiver that has credit, and give it what there is."""
        if consumer not in self._waiting:
            self._waiting.append(consumer)
        self.dispatch()

    def forget(self, consumer: Consumer) -> None:
        """Give a receiver nothing more. What it has locked stays locked until the locks expire."""
        if consumer in self._waiting:
            self._waiting.remove(consumer)

    def dispatch(self) -> None:
        """Give ready messages to waiting receivers, one each in turn."""
        while self._waiting and self._ready:
            stored = heapq.heappop(self._ready)[1]
            if stored.state == ACTIVE and not self._expire(stored):
                consumer = self._waiting.popleft()
                self._hand_over(stored, consumer)
                if consumer.credit > 0:
                    self._waiting.append(consumer)

    def _hand_over(self, stored: Stored, consumer: Consumer) -> None:
        if consumer.settled:
            self._remove(stored)
        else:
            self.locks.lock(stored, self.options.lock_seconds)
        consumer.deliver(stored)

    def peek(self, sequence: int, count: int) -> list[Stored]:
        """Return so many messages from a sequence number on, whatever their state."""
        found = chain(self._messages.values(), self.schedule)
        later = (stored for stored in found if stored.sequence >= sequence)
        return heapq.nsmallest(count, later, key=lambda stored: stored.sequence)

    def receive_deferred(self, sequences: Sequence[int], *, settled: bool) -> list[Stored]:
        """Lock deferred messages (or remove them, when they count as received) and return them.

        Raises `BusError` (message-not-found) when one of them is not there or not deferred.
        """
        found = [self._messages.get(sequence) for sequence in sequences]
        free = [each for each in found if each and each.state == DEFERRED and not each.token]
        if len(free) < len(found):
            raise BusError(MESSAGE_NOT_FOUND, "A deferred message was not found.", 404)
        for stored in free:
            if settled:
                self._remove(stored)
            else:
                self.locks.lock(stored, self.options.lock_seconds)
        return free

    def _remove(self, stored: Stored) -> None:
        stored.state = GONE
        self.surroundings.keeping.remove(self.path, stored.sequence)
        del self._messages[stored.sequence]
        self._size -= stored.message.size

    # Settlement. Each raises `BusError` (message-lock-lost) for a lock that is gone.

    def complete(self, token: UUID) -> None:
        self._remove(self.locks.take(token))

    def abandon(self, token: UUID) -> None:
        self._give_back(self.locks.take(token))
        self.dispatch()

    def release(self, token: UUID) -> None:
        """Take a message back that the receiver's code never saw: no delivery is counted."""
        self._give_back(self.locks.take(token), counts=False)
        self.dispatch()

    def defer(self, token: UUID) -> None:
        stored = self.locks.take(token)
        stored.state = DEFERRED
        stored.delivery_count += 1
        self.surroundings.keeping.change(self.path, stored)

    def dead_letter(self, token: UUID, reason: str | None, description: str | None) -> None:
        self._bury(self.locks.take(token), reason, description)

    def renew(self, token: UUID) -> float:
        """Return until when the lock now holds, in seconds since 1970."""
        return self.locks.renew(token, self.options.lock_seconds)

    def _give_back(self, stored: Stored, *, counts: bool = True) -> None:
        """Put a message back in its place, or bury what was delivered too often or too late."""
        stored.delivery_count += counts
        most = self.options.max_delivery_count
        if stored.delivery_count >= most and not self._of:
            why = f"Message could not be consumed after {most} delivery attempts."
            self._bury(stored, "MaxDeliveryCountExceeded", why)
        elif not self._expire(stored):
            self.surroundings.keeping.change(self.path, stored)
            if stored.state == ACTIVE:
                heapq.heappush(self._ready, (stored.sequence, stored))

    def _expire(self, stored: Stored) -> bool:
        """Remove a message whose time is over, unless somebody holds it; say whether it is gone."""
        if stored.state == GONE:
            return True
        due = stored.expires is not None and stored.expires <= self.now()
        if not due or stored.token is not None:
            return False
        if self.options.dead_letter_on_expiry:
            self._bury(stored, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._remove(stored)
        return True

    def _bury(self, stored: Stored, reason: str | None, description: str | None) -> None:
        self._remove(stored)
        given = ((_REASON, reason), (_DESCRIPTION, description))
        message = stored.message.with_properties({name: text for name, text in given if text})
        to = self.options.forward_dead_letters_to
        if to is None or self._of:
            self.dead_letters.keep(message, deliveries=stored.delivery_count)
        else:
            self._forward(message, to, 0, self.path)


def _check_hops(hops: int) -> None:
    if hops >= MOST_HOPS:
        raise BusError(HOPS, f"The message was forwarded {hops} times already.")
