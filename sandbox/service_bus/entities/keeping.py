"""Where an entity's changes are written, so that they outlive the process."""

from typing import Protocol

from sandbox.service_bus.entities.stored import Stored


class Keeping(Protocol):
    """Takes each change as it happens; nothing is answered before `commit`.

    Paths are those of entities and of their dead letters. `due` is when a scheduled message is to
    be enqueued, in seconds since 1970.
    """

    def add(self, path: str, stored: Stored, due: float | None = None) -> None: ...

    def change(self, path: str, stored: Stored) -> None: ...

    def remove(self, path: str, sequence: int) -> None: ...

    def reserve(self, path: str, sequence: int) -> None:
        """Keep up to which number the entity's sequence numbers may be in use."""

    def saw(self, path: str, message_id: str, at: float) -> None: ...

    def forget(self, path: str, until: float) -> None:
        """Forget the message ids that were seen until then."""

    def drop(self, path: str) -> None:
        """Forget everything about an entity and what is under it."""

    def commit(self) -> None: ...


class InMemory:
    """Keeps nothing: such a namespace ends with its process."""

    def add(self, path: str, stored: Stored, due: float | None = None) -> None:
        """Do nothing."""

    def change(self, path: str, stored: Stored) -> None:
        """Do nothing."""

    def remove(self, path: str, sequence: int) -> None:
        """Do nothing."""

    def reserve(self, path: str, sequence: int) -> None:
        """Do nothing."""

    def saw(self, path: str, message_id: str, at: float) -> None:
        """Do nothing."""

    def forget(self, path: str, until: float) -> None:
        """Do nothing."""

    def drop(self, path: str) -> None:
        """Do nothing."""

    def commit(self) -> None:
        """Do nothing."""
