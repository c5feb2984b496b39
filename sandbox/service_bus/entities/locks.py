"""Peek-locks: which message each token holds, and until when."""

from collections import deque
from collections.abc import Callable
from uuid import UUID, uuid4

from sandbox.service_bus.agenda import Agenda
from sandbox.service_bus.entities.stored import Stored
from sandbox.service_bus.errors import lock_lost


class Locks:
    """A queue's locks, in the order in which they expire.

    One entry of the agenda serves them all, so that a million short locks cost nothing later.
    `expired` is called for each message whose lock was held too long, `done` after them.
    """

    def __init__(
        self, agenda: Agenda, expired: Callable[[Stored], None], done: Callable[[], None]
    ) -> None:
        self._agenda = agenda
        self._expired = expired
        self._done = done
        self._held: dict[UUID, Stored] = {}
        self._order: deque[tuple[float, UUID]] = deque()
        self._armed = False

    def __len__(self) -> int:
        return len(self._held)

    def lock(self, stored: Stored, seconds: float) -> None:
        token = stored.token = uuid4()
        self._held[token] = stored
        self._hold(stored, token, seconds)

    def renew(self, token: UUID, seconds: float) -> float:
        """Return until when the lock now holds. Raises `BusError` (message-lock-lost)."""
        stored = self._valid(token)
        self._hold(stored, token, seconds)
        return stored.locked_until

    def take(self, token: UUID) -> Stored:
        """Unlock a message and return it. Raises `BusError` (message-lock-lost)."""
        stored = self._valid(token)
        self._free(token)
        return stored

    def lose(self) -> None:
        """Break every lock, as a failover of the real service does."""
        for token in list(self._held):
            self._expired(self._free(token))
        self._done()

    def _valid(self, token: UUID) -> Stored:
        stored = self._held.get(token)
        if stored is None or stored.locked_until <= self._agenda.clock.time():
            raise lock_lost()
        return stored

    def _hold(self, stored: Stored, token: UUID, seconds: float) -> None:
        stored.locked_until = self._agenda.clock.time() + seconds
        self._drop_settled()
        self._order.append((stored.locked_until, token))
        self._arm()

    def _arm(self) -> None:
        if self._order and not self._armed:
            self._armed = True
            self._agenda.at(self._order[0][0], self._expire)

    def _drop_settled(self) -> None:
        order = self._order
        while order and order[0][1] not in self._held:
            order.popleft()

    def _free(self, token: UUID) -> Stored:
        stored = self._held.pop(token)
        stored.token = None
        return stored

    def _expire(self) -> None:
        self._armed = False
        now, order = self._agenda.clock.time(), self._order
        self._drop_settled()
        while order and order[0][0] <= now:
            token = order.popleft()[1]
            # A renewed lock stands in line once more, further back.
            if self._held[token].locked_until <= now:
                self._expired(self._free(token))
            self._drop_settled()
        self._arm()
        self._done()
