"""Messages that are to be enqueued later (Service Bus, "Message sequencing and timestamps")."""

from collections.abc import Callable, Iterator

from sandbox.service_bus.agenda import Agenda
from sandbox.service_bus.entities.history import Kept
from sandbox.service_bus.entities.stored import SCHEDULED, Stored
from sandbox.service_bus.message import Message


class Schedule:
    """What an entity will accept when its time has come, by sequence number.

    That number holds only until then: an enqueued message gets a new one.
    """

    def __init__(
        self, path: str, agenda: Agenda, accept: Callable[[Message], None], surroundings: Kept
    ) -> None:
        self._path = path
        self._agenda = agenda
        self._accept = accept
        self._surroundings = surroundings
        self._waiting: dict[int, Stored] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._waiting.values())

    def add(self, sequence: int, message: Message, when: float) -> None:
        stored = Stored(sequence, message, self._agenda.clock.time(), state=SCHEDULED)
        self._surroundings.keeping.add(self._path, stored, when)
        self.restore(stored, when)

    def restore(self, stored: Stored, when: float) -> None:
        """Take back what was kept."""
        self._waiting[stored.sequence] = stored
        self._agenda.at(when, lambda: self._enqueue(stored.sequence))

    def cancel(self, sequence: int) -> bool:
        """Say whether there was such a message."""
        return self._taken(sequence) is not None

    def _enqueue(self, sequence: int) -> None:
        stored = self._taken(sequence)
        if stored is not None:
            self._accept(stored.message)

    def _taken(self, sequence: int) -> Stored | None:
        self._surroundings.keeping.remove(self._path, sequence)
        return self._waiting.pop(sequence, None)
