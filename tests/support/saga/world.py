"""The clouds that the saga changes, with every promise checked at every change.

Time is in seconds. A new credential is known to Entra's replicas one after the other; lists may be
older than the last write.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

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

    def works(self, now: float, replica: int | None = None) -> bool:
        """Say whether every replica, or one of them, accepts it."""
        learnt = max(REPLICAS) if replica is None else REPLICAS[replica % len(REPLICAS)]
        return self.born + learnt <= now < self.died


@dataclass(slots=True, kw_only=True)
class Stored:
    """A version of a secret: whose value it is, and since when it is the newest."""

    version: Version
    value: str
    since: float
    until: float = NEVER


@dataclass
class World:
    """One application, its secrets in vaults, copies elsewhere, and who still reads what.

    `overlap` is how long somebody may go on using a version that is no longer the newest, `stale`
    how old lists may be. What breaks a promise is written into `broken`.
    """

    overlap: float
    stale: float = 0.0
    copy_lag: float = 0.0
    now: float = 0.0
    tests: int = 0
    serial: int = 0
    credentials: dict[str, Credential] = field(default_factory=dict)
    places: dict[str, list[Stored]] = field(default_factory=dict)
    copies: dict[str, tuple[str, float]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def add(self, name: str, *, born: float | None = None) -> str:
        """Make a credential and return its id; its value is `value of <id>`."""
        self.serial += 1
        key_id = f"k{self.serial}"
        at = self.now if born is None else born
        self.credentials[key_id] = Credential(key_id=key_id, name=name, born=at)
        return key_id

    def remove(self, key_id: str) -> None:
        found = self.credentials.get(key_id)
        if found is not None and found.died == NEVER:
            found.died = self.now
            if not found.name.startswith("cc:") and key_id != "k1":
                self.broken.append(f"a foreign credential was removed: {key_id}")
        self.check()

    def put(self, name: str, value: str, tags: dict[str, str]) -> Version:
        """Write a version; the newest is what everybody reads from now on."""
        self.serial += 1
        held = self.places.setdefault(name, [])
        if held:
            held[-1].until = self.now
            owner = held[-1].version.tags.get("owner")
            if owner == "somebody":
                self.broken.append(f"a foreign version was written over: {name}")
        version = Version(id=f"v{self.serial}", created_on=self.instant(), tags=tags)
        held.append(Stored(version=version, value=value, since=self.now))
        self.copies.setdefault(name, (value, self.now))
        self.check()
        return version

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
            newest = held[-1]
            if newest.since + self.copy_lag <= self.now:
                self.copies[name] = (newest.value, self.now)

    def check(self) -> None:
        """Everybody who reads a place, cached it within the overlap, or reads a copy, gets in."""
        for name, held in self.places.items():
            for stored in held:
                if stored.until + self.overlap > self.now:
                    self._must_work(stored.value, f"a reader of {name}")
            self._must_work(self.copies[name][0], f"a reader of the copy of {name}")

    def _must_work(self, value: str, who: str) -> None:
        owner = self.owner_of(value)
        if owner is None or not owner.works(self.now):
            self.broken.append(f"{who} is locked out at {self.now:.0f}")

    def orphans(self, current: str | None) -> list[str]:
        """Return living credentials of ours that nobody accounts for."""
        return [
            each.key_id
            for each in self.credentials.values()
            if Marker.parse(each.name) and each.died == NEVER and each.key_id != current
        ]

    def instant(self, seconds: float | None = None) -> datetime:
        return START + timedelta(seconds=self.now if seconds is None else seconds)
