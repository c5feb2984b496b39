"""Messages that are to be enqueued later (Service Bus, "Message sequencing and timestamps")."""

from collections.abc import Callable, Iterator

from sandbox.service_bus.agenda import Agenda
from sandbox.service_bus.entities.stored import SCHEDULED, Stored
from sandbox.service_bus.message import Message


class Schedule:
    """What an entity will accept when its time has come, by sequence number.

    That number holds only until then: an enqueued message gets a new one.
    """

    def __init__(self, agenda: Agenda, accept: Callable[[Message], None]) -> None:
        self._agenda = agenda
        self._accept = accept
        self._waiting: dict[int, Stored] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._waiting.values())

    def add(self, sequence: int, message: Message, when: float) -> None:
        now = self._agenda.clock.time()
        self._waiting[sequence] = Stored(sequence, message, now, state=SCHEDULED)
        self._agenda.at(when, lambda: self._enqueue(sequence))

    def cancel(self, sequence: int) -> bool:
        """Say whether there was such a message."""
        return self._waiting.pop(sequence, None) is not None

    def _enqueue(self, sequence: int) -> None:
        stored = self._waiting.pop(sequence, None)
        if stored is not None:
            self._accept(stored.message)
