"""The rotator's ports in a simulated world, with a checkpoint around every effect and commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from services.rotator.domain.announce import announce
from services.rotator.domain.limits import Wait
from services.rotator.domain.marker import Marker
from services.rotator.domain.rotation import Place, Rotation, answer, heed, stamp
from services.rotator.domain.standing import Capabilities, Held, Standing
from services.rotator.domain.state import AT_REST, Signal, State
from services.rotator.domain.version import Version
from services.rotator.ports import (
    FencedError,
    Label,
    Lease,
    Made,
    Tested,
    Verdict,
)
from services.rotator.store.lease import EFFECT_SECONDS, LEASE_SECONDS
from shared.events import Event
from shared.secret_value import SecretValue
from tests.support.saga.checkpoint import around
from tests.support.saga.world import START, Stored, World

_marker = cache(Marker.parse)


@dataclass
class WorldDriver:
    """Implements `ports.Driver` for credentials that are shown once, like Entra's."""

    world: World
    capabilities: Capabilities = field(
        default=Capabilities(recoverable=False, additive=True, tests_before_publishing=True)
    )

    async def look(self, target: str) -> Standing:
        del target
        seen = await around("look", lambda: list(self.world.visible()))
        held = [Held(each.key_id, _marker(each.name), None) for each in seen]
        return Standing(credentials=tuple(held))

    async def make(
        self,
        target: str,
        marker: Marker,
        lifetime: timedelta,
        before: Sequence[str],
        in_use: str | None,
    ) -> Made:
        del target, lifetime, before, in_use
        key_id = await around("make", lambda: self.world.add(str(marker)))
        return Made(key_id, SecretValue(f"value of {key_id}"), None)

    async def recover(self, target: str, before: Sequence[str], in_use: str | None) -> Made | None:
        del target, before, in_use
        return None

    async def identify(self, target: str, value: SecretValue) -> str | None:
        del target, value
        return None

    async def test(self, target: str, made: Made) -> Tested:
        del target
        works = await around("test", lambda: self._accepts(made.value.reveal()))
        return Tested(Verdict.WORKS if works else Verdict.NOT_YET)

    def _accepts(self, value: str) -> bool:
        self.world.tests += 1
        owner = self.world.owner_of(value)
        return owner is not None and owner.works(self.world.now, self.world.tests)

    async def remove(self, target: str, key_id: str) -> None:
        del target
        await around("remove", lambda: self.world.remove(key_id))


@dataclass
class WorldVault:
    """Implements `ports.Vault`."""

    world: World

    async def versions(self, place: Place) -> Sequence[Version]:
        held = await around("versions", lambda: list(self.world.places[place.name]))
        return [stored.version for stored in held]

    async def current(self, place: Place) -> tuple[Version, SecretValue] | None:
        held = await around("current", lambda: self._newest(place.name))
        return held.version, SecretValue(held.value)

    def _newest(self, name: str) -> Stored:
        newest = self.world.places[name][-1]
        self.world.seen[name] = newest.version.id
        return newest

    async def read(self, place: Place, version: Version) -> SecretValue:
        held = await around("read", lambda: list(self.world.places[place.name]))
        return SecretValue(next(each.value for each in held if each.version.id == version.id))

    async def publish(self, place: Place, made: Made, label: Label) -> Version:
        value = made.value.reveal()
        return await around("publish", lambda: self.world.put(place.name, value, label.tags))


@dataclass
class WorldCopies:
    """Implements `ports.Copies`."""

    world: World

    async def missing(self, rotation: Rotation) -> Sequence[str]:
        return await around("copies", lambda: self._missing(rotation))

    def _missing(self, rotation: Rotation) -> list[str]:
        self.world.catch_up()
        return [
            f"the copy of {place.name}"
            for place in rotation.places
            if self.world.copies[place.name][-1].value != self.world.places[place.name][-1].value
        ]


@dataclass
class Row:
    """A rotation as it is remembered, with its lease."""

    rotation: Rotation
    due: float = 0.0
    epoch: int = 0
    owner: UUID | None = None
    until: float = 0.0

    def free_at(self, owner: UUID) -> float:
        """Return when that process can have it: a lease is kept for who holds the value."""
        if self.owner is None or (self.owner == owner and self.due < self.until):
            return self.due
        return max(self.due, self.until + EFFECT_SECONDS)


@dataclass
class Book:
    """What survives every process: the rotations and the events that were published."""

    world: World
    rows: dict[UUID, Row] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    paused: str | None = None
    current: str | None = "k1"

    def ask(self, rotation_id: UUID, wanted: Signal) -> None:
        """Write down what a person asks for; what waits for nobody is looked at at once.

        A lease that somebody holds stays as it is: its holder meets the wish when it records.
        """
        row = self.rows[rotation_id]
        if not row.rotation.is_over:
            row.rotation = replace(row.rotation, wanted=wanted)
            row.due = row.due if row.owner else min(row.due, self.world.now)

    def next_due(self, owner: UUID) -> float | None:
        """Return when a process can go on; whoever does not hold the lease waits for its end."""
        waiting = [
            row
            for row in self.rows.values()
            if not row.rotation.is_over and row.rotation.state is not State.AWAITING_APPROVAL
        ]
        return min((row.free_at(owner) for row in waiting), default=None)


@dataclass
class MemoryLedger:
    """Implements `ports.Ledger` for one process; `owner` is that process."""

    book: Book
    owner: UUID

    @property
    def _now(self) -> float:
        return self.book.world.now

    async def claim(self) -> Lease | None:
        return await around("claim", self._claim)

    def _claim(self) -> Lease | None:
        for row in self.book.rows.values():
            if row.rotation.is_over or row.due > self._now or _waits_for_approval(row.rotation):
                continue
            own = row.owner == self.owner and row.until > self._now
            if row.owner is None or own or row.until + EFFECT_SECONDS <= self._now:
                row.owner, row.epoch = self.owner, row.epoch + 1
                row.due = row.until = self._now + LEASE_SECONDS
                return Lease(row.rotation, row.epoch)
        return None

    async def fence(self, lease: Lease, owner: str) -> Wait | None:
        del owner
        row = self._mine(lease)
        row.due = row.until = self._now + LEASE_SECONDS
        paused = self.book.paused
        return Wait(span=timedelta(minutes=1), reason=paused) if paused else None

    async def shut(self, owner: str, seconds: float) -> None:
        del owner, seconds

    async def record(
        self, lease: Lease, after: Rotation, *, wait: float | None = None, keep: bool = False
    ) -> Lease:
        return await around("commit", lambda: self._record(lease, after, wait, keep=keep))

    def _record(self, lease: Lease, after: Rotation, wait: float | None, *, keep: bool) -> Lease:
        row = self._mine(lease)
        now = self.book.world.instant()
        before = lease.rotation
        after = stamp(before, answer(before, after, row.rotation.wanted), now)
        self.book.events += announce(before, after, now)
        row.rotation = after
        if after.state in AT_REST or (wait is not None and heed(after) is not None):
            wait, keep = 0.0, False
        if after.state is State.COMPLETED:
            self.book.current = after.new_key_id
        row.due = self._now + (LEASE_SECONDS if wait is None else wait)
        row.until = row.due + (LEASE_SECONDS if keep else 0.0)
        if wait is not None and not keep:
            row.owner = None
        return replace(lease, rotation=after)

    def _mine(self, lease: Lease) -> Row:
        row = self.book.rows[lease.rotation.id]
        if row.epoch != lease.epoch:
            raise FencedError
        return row

    async def until(self, instant: datetime) -> float:
        return max(0.0, (instant - START).total_seconds() - self._now)


def _waits_for_approval(rotation: Rotation) -> bool:
    withdrawn = rotation.wanted is Signal.WITHDRAW
    return rotation.state is State.AWAITING_APPROVAL and not withdrawn
