"""Whether the audit log is what it was: the chain, the checkpoints, and what is in neither.

What is found: any changed column of a sealed entry, a deleted, swapped or inserted link, an entry
that was slipped in with a date of the past, a checkpoint that does not fit. A tail that was cut
off, or a whole older copy put in place, is found with a checkpoint that was exported and only with
one. A beginning may be missing up to a signed checkpoint, if an entry says it was pruned there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.audit.actions import Action
from shared.audit.chain import GENESIS, Entry, Seal, link
from shared.audit.checkpoint import Checkpoint, key_id
from shared.audit.sealer import LOOK_BACK


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The verdict. `problem` is the first thing that is wrong, as a sentence; None: all is well.

    `sealed` is the last position of the chain; `pruned` is the last one of a beginning that went,
    and rightly so.
    """

    sealed: int
    pending: int
    checkpoints: int
    pruned: int = 0
    problem: str | None = None

    @property
    def intact(self) -> bool:
        """Say whether nothing is wrong."""
        return self.problem is None


class BrokenError(Exception):
    """The first thing that is wrong; the message says where and what."""


@dataclass(slots=True)
class Verifier:
    """Follows the chain row by row, in a constant amount of memory per checkpoint."""

    keys: Mapping[str, Ed25519PublicKey]
    checkpoints: Mapping[int, Sequence[Checkpoint]]
    position: int = 0
    pending: int = 0
    _hash: bytes = GENESIS
    _sealed_at: datetime | None = None
    _earlier_at: datetime | None = None
    _signed: int = field(default=0)
    _begin: int = 0
    _pruned: str | None = None

    def sealed(self, seal: Seal, entry: Entry | None) -> None:
        """Take the next link; raises `BrokenError` where it does not continue the chain."""
        if self.position == 0 and seal.position > 1:
            self._begin_after(seal.position - 1)
        expected = self.position + 1
        if seal.position != expected:
            raise BrokenError(
                f"Position {expected} of the chain is missing; the next one is {seal.position}."
            )
        if entry is None:
            raise BrokenError(
                f"Entry {seal.entry_id} (position {expected}) was sealed at"
                f" {seal.sealed_at.isoformat()} and is gone."
            )
        if entry.id != seal.entry_id:
            raise BrokenError(
                f"Position {expected} of the chain is entry {seal.entry_id}'s, and entry"
                f" {entry.id} stands there."
            )
        if link(self._hash, seal.position, seal.sealed_at, entry) != seal.hash:
            raise BrokenError(
                f"Entry {seal.entry_id} (position {expected}) is not what was sealed: it, its place"
                " or its seal was changed."
            )
        self._check_date(seal, entry)
        self._check_pruning(entry)
        self.position, self._hash = seal.position, seal.hash
        for checkpoint in self.checkpoints.get(seal.position, ()):
            self._check(checkpoint)

    def unsealed(self, entry: Entry) -> None:
        """Take an entry outside the chain: new ones wait for the sealer, old ones do not belong."""
        if self._sealed_at is not None and entry.at < self._sealed_at - LOOK_BACK:
            raise BrokenError(
                f"Entry {entry.id} is dated {entry.at.isoformat()} but was not there when that time"
                " was sealed: it was inserted afterwards."
            )
        self._check_pruning(entry)
        self.pending += 1

    def finish(self) -> None:
        """Say that the chain ended; raises `BrokenError` when it was longer once."""
        if self._pruned is not None:
            raise BrokenError(
                f"The chain begins after {self._pruned}, and no entry says that it was pruned"
                " there: its beginning was cut off."
            )
        beyond = [position for position in self.checkpoints if position > self.position]
        if beyond:
            last = self.checkpoints[max(beyond)][0]
            raise BrokenError(
                f"The chain ends at position {self.position}, but a checkpoint was signed at"
                f" {last.position} on {last.at.isoformat(timespec='seconds')}: the tail was cut"
                " off, or an older copy was put in place. If the log was exported before then,"
                " export it again."
            )

    def result(self, problem: str | None = None) -> VerifyResult:
        return VerifyResult(
            self.position, self.pending, self._signed, pruned=self._begin, problem=problem
        )

    def _begin_after(self, position: int) -> None:
        """Begin at a signed checkpoint; raises `BrokenError` without one."""
        found = self.checkpoints.get(position, ())
        if not found:
            raise BrokenError(
                f"The chain begins at position {position + 1}. What was before can only have been"
                " pruned if a checkpoint was signed there, and none is known: give the exported"
                " checkpoints as well."
            )
        self.position, self._hash = position, found[0].hash
        self._begin = position
        self._pruned = f"position {position}"
        for checkpoint in found:
            self._check(checkpoint)

    def _check_pruning(self, entry: Entry) -> None:
        if entry.action == Action.AUDIT_PRUNED and entry.subject == self._pruned:
            self._pruned = None

    def _check_date(self, seal: Seal, entry: Entry) -> None:
        """Find an entry from before an earlier sealing, which would have sealed it then."""
        if self._sealed_at is not None and seal.sealed_at > self._sealed_at:
            self._earlier_at = self._sealed_at
        self._sealed_at = seal.sealed_at
        if self._earlier_at is not None and entry.at < self._earlier_at - LOOK_BACK:
            raise BrokenError(
                f"Entry {entry.id} (position {seal.position}) is dated {entry.at.isoformat()} but"
                " was not there when that time was sealed: it was inserted afterwards."
            )

    def _check(self, checkpoint: Checkpoint) -> None:
        key = self.keys.get(checkpoint.key_id)
        if key is None:
            raise BrokenError(
                f"The checkpoint at position {checkpoint.position} is signed with the unknown key"
                f" {checkpoint.key_id}."
            )
        if not checkpoint.is_signed_by(key):
            raise BrokenError(
                f"The checkpoint at position {checkpoint.position} has a wrong signature."
            )
        if checkpoint.hash != self._hash:
            raise BrokenError(
                f"The chain has another hash at position {checkpoint.position} than the checkpoint"
                f" that was signed at {checkpoint.at.isoformat()}: it was written anew."
            )
        self._signed += 1


def verifier(keys: Iterable[Ed25519PublicKey], checkpoints: Iterable[Checkpoint]) -> Verifier:
    """Make a verifier that trusts `keys` and expects `checkpoints`."""
    by_position: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        by_position.setdefault(checkpoint.position, []).append(checkpoint)
    return Verifier({key_id(key): key for key in keys}, by_position)
