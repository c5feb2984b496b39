"""What a queue, a topic and a subscription share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from sandbox.service_bus.agenda import Agenda
from sandbox.service_bus.entities.history import History
from sandbox.service_bus.entities.keeping import Keeping
from sandbox.service_bus.entities.options import Options
from sandbox.service_bus.entities.schedule import Schedule
from sandbox.service_bus.entities.stored import Stored
from sandbox.service_bus.errors import (
    ENTITY_DISABLED,
    MESSAGE_NOT_FOUND,
    QUOTA,
    BusError,
    entity_not_found,
)
from sandbox.service_bus.message import Message

MOST_HOPS: Final = 4
_RESERVED_AT_ONCE: Final = 1_000


class Attached(Protocol):
    """A client's link to an entity, as the entity sees it."""

    receives: bool

    def detach(self, why: BusError) -> None:
        """End the link and tell the client why."""


class Surroundings(Protocol):
    """The namespace, as an entity sees it."""

    agenda: Agenda
    keeping: Keeping

    def find(self, path: str) -> "Entity":
        """Return an entity. Raises `BusError` when there is none."""
        ...


class Entity(ABC):
    """A named thing that messages are sent to."""

    def __init__(self, path: str, options: Options, surroundings: Surroundings) -> None:
        self.path = path
        self.options = options
        self.links: set[Attached] = set()
        self.created: datetime = surroundings.agenda.clock.now()
        self.updated = self.created
        self.exists = True
        self.agenda = surroundings.agenda
        self.surroundings = surroundings
        self.schedule = Schedule(path, self.agenda, self.accept, surroundings)
        self._history = History(path, surroundings)
        self._sequence = 0
        self._reserved = 0

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes that it holds."""

    @abstractmethod
    def accept(self, message: Message, hops: int = 0, source: str | None = None) -> None:
        """Take a message in now, whether or not there is room.

        `hops` is how often it was forwarded, `source` where it was dead-lettered before.
        """

    def now(self) -> float:
        return self.agenda.clock.time()

    def next_sequence(self) -> int:
        """Return a number that no message of this entity ever had."""
        self._sequence += 1
        if self._sequence > self._reserved:
            self._reserved += _RESERVED_AT_ONCE
            self.surroundings.keeping.reserve(self.path, self._reserved)
        return self._sequence

    def restore(
        self,
        sequence: int,
        seen: Iterable[tuple[str, float]],
        messages: Iterable[tuple[Stored, float | None]],
    ) -> None:
        """Take back what was kept: messages with the time when they are due, if they are not."""
        self._sequence = self._reserved = sequence
        self._history.restore(seen)
        for stored, due in messages:
            if due is None:
                self.take_back(stored)
            else:
                self.schedule.restore(stored, due)

    def take_back(self, stored: Stored) -> None:
        """Hold a message again that was kept. Raises `TypeError` where none can lie."""
        raise TypeError(f"{self.path} holds no message, and so not {stored.sequence}.")

    def send(self, messages: Sequence[Message]) -> list[int]:
        """Take all messages of a client's transfer, now or at their time, or none of them.

        Returns the sequence numbers of the scheduled ones, 0 for the others. Raises `BusError`.
        """
        self.check_open("send")
        self.check_room(sum(message.size for message in messages))
        return [self._take(message) for message in messages]

    def _take(self, message: Message) -> int:
        now, when = self.now(), message.scheduled
        if not self._history.is_new(message.message_id, now, self.options.duplicate_window):
            return 0
        if when is None or when <= now:
            self.accept(message)
            return 0
        sequence = self.next_sequence()
        self.schedule.add(sequence, message, when)
        return sequence

    def cancel(self, sequences: Sequence[int]) -> None:
        """Cancel scheduled messages. Raises `BusError` (404) when one is not there."""
        for sequence in sequences:
            if not self.schedule.cancel(sequence):
                raise BusError(MESSAGE_NOT_FOUND, f"There is no scheduled message {sequence}.", 404)

    def check_open(self, what: str) -> None:
        """Raise `BusError` when it is deleted, or its status forbids to `send` or to `receive`."""
        if not self.exists:
            raise entity_not_found(self.path)
        closed = {"Disabled", "SendDisabled" if what == "send" else "ReceiveDisabled"}
        if self.options.status in closed:
            raise BusError(
                ENTITY_DISABLED,
                f"Messaging entity '{self.path}' is currently disabled for this operation"
                f" ({self.options.status}). Enable it to go on.",
                403,
            )

    def check_room(self, more: int) -> None:
        """Raise `BusError` when so many more bytes do not fit."""
        size, most = self.size, self.options.max_bytes
        if size + more > most:
            raise BusError(
                QUOTA,
                "The maximum entity size has been reached or exceeded for"
                f" '{self.path}'. Size of entity in bytes: {size}, Max entity size in bytes:"
                f" {most}."
                " Receive or purge messages to make room.",
                403,
            )

    def refresh(self) -> None:
        """Do what a changed setting asks for: detach whom the new status does not allow."""
        self.updated = self.agenda.clock.now()
        for link in list(self.links):
            try:
                self.check_open("receive" if link.receives else "send")
            except BusError as error:
                link.detach(error)

    def delete(self) -> None:
        """Stop to exist: everybody who is attached is told so."""
        self.exists = False
        self.surroundings.keeping.drop(self.path)
        self.refresh()
