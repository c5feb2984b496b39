"""How long a change to an application's credentials takes to be true everywhere.

Entra answers a write when one of its replicas has it. A new client secret has been seen refused for
4 to 18 seconds afterwards, and reads have been seen that did not show it. Both are switched on
here: the delay at the token endpoint in seconds of the sandbox's own time, the one of reads in
reads, so that a test waits for nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.clock import Clock
from sandbox.estate.directory import DirectoryObject, KeyCredential, PasswordCredential

Credential = PasswordCredential | KeyCredential
C = TypeVar("C", PasswordCredential, KeyCredential)


@dataclass(slots=True)
class _Change:
    """A credential that came or went: until when, and for how many reads, not everywhere."""

    object_id: str
    credential: Credential
    added: bool
    until: float
    reads: int


@dataclass(slots=True)
class Replication:
    """`token_seconds` and `stale_reads` hold for changes from then on."""

    clock: Clock
    token_seconds: float = 0.0
    stale_reads: int = 0
    _changes: list[_Change] = field(default_factory=list)

    def added(self, found: DirectoryObject, credential: Credential) -> None:
        """Note that a credential was added just now."""
        self._note(found, credential, added=True)

    def removed(self, found: DirectoryObject, credential: Credential) -> None:
        """Note that a credential was removed just now."""
        self._note(found, credential, added=False)

    def honoured(self, found: DirectoryObject, kind: type[C]) -> list[C]:
        """Return the credentials of one kind that the token endpoint knows by now."""
        now = self.clock.time()
        changes = [each for each in self._of(found) if each.until > now]
        held = [each for each in (*found.passwords, *found.keys) if isinstance(each, kind)]
        return _before(held, changes, kind)

    def hides(self, found: DirectoryObject) -> bool:
        """Say whether a read does not show the credentials as they are."""
        return any(each.reads for each in self._of(found))

    def read(self, found: DirectoryObject) -> tuple[list[PasswordCredential], list[KeyCredential]]:
        """Return the credentials that a read shows, and count it as one."""
        changes = [each for each in self._of(found) if each.reads]
        for each in changes:
            each.reads -= 1
        return (
            _before(found.passwords, changes, PasswordCredential),
            _before(found.keys, changes, KeyCredential),
        )

    def _note(self, found: DirectoryObject, credential: Credential, *, added: bool) -> None:
        if not self.token_seconds and not self.stale_reads:
            return
        now = self.clock.time()
        self._changes = [each for each in self._changes if each.reads or each.until > now]
        until = now + self.token_seconds
        self._changes.append(_Change(found.object_id, credential, added, until, self.stale_reads))

    def _of(self, found: DirectoryObject) -> Iterator[_Change]:
        return (each for each in self._changes if each.object_id == found.object_id)


def _before(held: list[C], changes: list[_Change], kind: type[C]) -> list[C]:
    """Return what was held before the changes."""
    seen = list(held)
    for change in reversed(changes):
        credential = change.credential
        if not isinstance(credential, kind):
            continue
        if not change.added:
            seen.append(credential)
        elif credential in seen:
            seen.remove(credential)
    return seen
