"""The clouds that the saga changes, with every promise checked at every change.

Time is in seconds. A new credential is known to Entra's replicas one after the other; lists may be
older than the last write.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.rotator.domain.marker import Marker
from services.rotator.domain.version import Version

START = datetime(2026, 3, 1, tzinfo=UTC)
REPLICAS = (4.0, 18.0)
NEVER = float("inf")


@dataclass(slots=True, kw_only=True)
class Credential:
    """A credential of the application; `ours` are those that one of us made."""

    key_id: str
    name: str
    born: float
    died: float = NEVER
    broken: bool = False

    def works(self, now: float, replica: int | None = None) -> bool:
        """Say whether every replica, or one of them, accepts it; nobody does if it is broken."""
        if self.broken:
            return False
        learnt = max(REPLICAS) if replica is None else REPLICAS[replica % len(REPLICAS)]
        return self.born + learnt <= now < self.died


@dataclass(slots=True, kw_only=True)
class Stored:
    """A version of a secret: whose value it is, and since when it is the newest."""

    version: Version
    value: str
    since: float
    until: float = NEVER
    ours: bool = True


@dataclass(slots=True, kw_only=True)
class Copy:
    """What a copy of a secret elsewhere holds, or held."""

    value: str
    until: float = NEVER


class Replaced(NamedTuple):
    """A version that somebody else wrote and that is no longer the newest.

    `seen`: whoever replaced it could know of it, because it was there at the last look.
    """

    name: str
    version: str
    seen: bool


@dataclass
class World:
    """One application, its secrets in vaults, copies elsewhere, and who still reads what.

    `overlap` is how long somebody may go on using a version that is no longer the newest, or a copy
    that was replaced; `stale` is how old lists may be. What breaks a promise is written into
    `broken`. `others` are credentials that are none of this rotation's business, `seen` is the
    newest version of each place when it was last looked at.
    """

    overlap: float
    stale: float = 0.0
    copy_lag: float = 0.0
    now: float = 0.0
    tests: int = 0
    serial: int = 0
    credentials: dict[str, Credential] = field(default_factory=dict)
    places: dict[str, list[Stored]] = field(default_factory=dict)
    copies: dict[str, list[Copy]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    makes_broken: bool = False
    seen: dict[str, str] = field(default_factory=dict)
    replaced: list[Replaced] = field(default_factory=list)

    def add(self, name: str, *, born: float | None = None) -> str:
        """Make a credential and return its id; its value is `value of <id>`."""
        self.serial += 1
        key_id = f"k{self.serial}"
        at = self.now if born is None else born
        self.credentials[key_id] = Credential(
            key_id=key_id, name=name, born=at, broken=self.makes_broken
        )
        return key_id

    def remove(self, key_id: str) -> None:
        found = self.credentials.get(key_id)
        if found is not None and found.died == NEVER:
            found.died = self.now
            if key_id in self.others:
                self.broken.append(f"a foreign credential was removed: {key_id}")
        self.check()

    def put(self, name: str, value: str, tags: dict[str, str], *, ours: bool = True) -> Version:
        """Write a version; the newest is what everybody reads from now on."""
        self.serial += 1
        version = Version(id=f"v{self.serial}", created_on=self.instant(), tags=tags)
        held = self.places.setdefault(name, [])
        if held:
            self._replace(name, held[-1], ours=ours)
        held.append(Stored(version=version, value=value, since=self.now, ours=ours))
        if name not in self.copies:
            self.copies[name] = [Copy(value=value)]
        self.check()
        return version

    def _replace(self, name: str, last: Stored, *, ours: bool) -> None:
        last.until = self.now
        if ours and not last.ours:
            seen = self.seen.get(name) == last.version.id
            self.replaced.append(Replaced(name, last.version.id, seen=seen))

    def visible(self) -> Iterator[Credential]:
        """Yield what a list shows: it may be `stale` seconds old."""
        at = self.now - self.stale
        for each in self.credentials.values():
            if each.born <= at < each.died:
                yield each

    def owner_of(self, value: str) -> Credential | None:
        return self.credentials.get(value.removeprefix("value of "))

    def catch_up(self) -> None:
        """Let the syncer copy what was published long enough ago."""
        for name, held in self.places.items():
            newest, copies = held[-1], self.copies[name]
            if newest.since + self.copy_lag <= self.now and copies[-1].value != newest.value:
                copies[-1].until = self.now
                copies.append(Copy(value=newest.value))

    def check(self) -> None:
        """Everybody who reads a place or its copy, or did so within the overlap, gets in."""
        for name, held in self.places.items():
            for stored in held:
                if stored.until + self.overlap > self.now:
                    self._must_work(stored.value, f"a reader of {name}")
            for copy in self.copies[name]:
                if copy.until + self.overlap > self.now:
                    self._must_work(copy.value, f"a reader of the copy of {name}")

    def _must_work(self, value: str, who: str) -> None:
        owner = self.owner_of(value)
        if owner is None or not owner.works(self.now):
            self.broken.append(f"{who} is locked out at {self.now:.0f}")

    def alive(self, key_id: str) -> bool:
        """Say whether a credential was not removed."""
        return self.credentials[key_id].died == NEVER

    def marked(self) -> set[str]:
        """Return the living credentials that carry this rotation's marker."""
        return {
            each.key_id
            for each in self.credentials.values()
            if Marker.parse(each.name)
            and self.alive(each.key_id)
            and each.key_id not in self.others
        }

    def instant(self, seconds: float | None = None) -> datetime:
        return START + timedelta(seconds=self.now if seconds is None else seconds)
