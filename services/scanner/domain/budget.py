"""How fast one subscription's vaults in one region may be asked.

Azure grants them a quota together, and the customer's own applications live from the same quota, so
a scan takes a share of it. The share shrinks by half when Azure asks to slow down and grows back in
small steps (additive increase, multiplicative decrease).

Places are a time-table: each has its moment, and no two have the same. Whoever asks for requests
reserves a few at a time and spends each at its moment or shortly after it. So any span of `t`
seconds sees at most `rate * (t + GRACE_SECONDS + r) + 1` requests, where `r` is the longest round
trip of a reservation, whoever reserved in which order.
"""

from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import Final

DEFAULT_RATE: Final = 500.0
"""A quarter of the 2,000 requests a second that Azure grants to a subscription's vaults in a region
(Azure Key Vault service limits: 5 times 4,000 transactions in 10 s)."""

FLOOR: Final = 0.02
"""The rate never falls below this share of the full one: a scan must end."""

STEP: Final = 0.05
"""The share of the full rate that comes back in each second without a complaint."""

BURST_SECONDS: Final = 0.2
"""What was not used in the last moments may be used at once; older leftovers are lost."""

BLOCK_SECONDS: Final = 0.2
"""The most that is reserved at once: what others wait for, and what a crash wastes."""

GRACE_SECONDS: Final = 0.5
"""So long after its moment a place may still be used; later it is lost."""

HOLD_SECONDS: Final = 1.0
"""After halving, the rate stays for so long: the replies that follow tell of the same crowd."""

PAUSE_SECONDS: Final = 1.0
"""The pause where Azure names none (Azure Key Vault throttling guidance: wait 1 second first)."""

LONGEST_PAUSE_SECONDS: Final = 15.0
"""A longer wait concerns the vault that was told so; the others are not kept waiting for it."""

WINDOW_SECONDS: Final = 10.0
"""The window in which Azure counts requests (Azure Key Vault service limits)."""

JUMP_SECONDS: Final = 600.0
"""A moment further ahead than this was written before the clock was set back."""

FIRST_BLOCK: Final = 8


@dataclass(frozen=True, slots=True)
class Grant:
    """Reserved places: the first one's moment and the seconds from one to the next."""

    begins: float
    spacing: float
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is known of a budget; times are seconds of one clock.

    No place before `free_at` is left. The rate stays as it is until `holds_until`.
    """

    rate: float
    holds_until: float
    free_at: float

    @classmethod
    def full(cls, full_rate: float, now: float) -> "Bucket":
        """Return the budget of which nothing was used yet.

        Raises `ValueError` for a rate at which a scan would never end.
        """
        if full_rate <= 0:
            raise ValueError("A scan needs a budget of more than 0 requests a second.")
        return cls(rate=full_rate, holds_until=now, free_at=now - BURST_SECONDS)

    def reserve(self, full_rate: float, now: float, places: int) -> tuple["Bucket", Grant]:
        """Give at most so many places, and at least one."""
        grown = self._grown(full_rate, now)
        given = min(places, most_at_once(grown.rate))
        begins = max(grown.free_at, now - BURST_SECONDS)
        spacing = 1 / grown.rate
        return replace(grown, free_at=begins + given * spacing), Grant(begins, spacing, given)

    def slow_down(self, full_rate: float, now: float, pause: float) -> "Bucket":
        """Azure asked for it: give no place for so many seconds, and half as many after that."""
        grown = self._grown(full_rate, now)
        rate, holds_until = grown.rate, max(grown.holds_until, now + pause)
        if now >= grown.holds_until:
            rate = max(full_rate * FLOOR, rate / 2)
            holds_until = max(holds_until, now + HOLD_SECONDS)
        return Bucket(rate=rate, holds_until=holds_until, free_at=max(grown.free_at, now + pause))

    def _grown(self, full_rate: float, now: float) -> "Bucket":
        """Return the budget with what came back since it was last looked at."""
        holds_until, free_at = _not_after_a_jump(self.holds_until, now), self.free_at
        steps = floor(max(0.0, now - holds_until))
        return Bucket(
            rate=min(full_rate, self.rate + full_rate * STEP * steps),
            holds_until=holds_until + steps,
            free_at=_not_after_a_jump(free_at, now),
        )


def _not_after_a_jump(moment: float, now: float) -> float:
    return now if moment > now + JUMP_SECONDS else moment


def most_at_once(rate: float) -> int:
    """Return how many places may be reserved at once at this rate."""
    return max(1, floor(rate * BLOCK_SECONDS))


def pause_for(seconds: float | None) -> float:
    """Return how long all wait after a reply that named this wait, or none."""
    if seconds is None or seconds > LONGEST_PAUSE_SECONDS:
        return PAUSE_SECONDS
    return seconds


@dataclass(slots=True)
class Refusals:
    """Which vaults of a quota were asked to slow down within the last window.

    A vault has a limit of its own, a fifth of that of its subscription and region, and its reply
    does not say reliably which one was reached. When only one vault is refused, it is that vault's:
    the others are answered. When a second one is, it is that of all.
    """

    _at: dict[str, float] = field(default_factory=dict)

    def concern_all(self, vault: str, now: float) -> bool:
        """Note a refusal, and say whether it tells of the limit that all vaults share."""
        recent = {name: at for name, at in self._at.items() if now - at < WINDOW_SECONDS}
        self._at = recent | {vault: now}
        return len(self._at) > 1


@dataclass(slots=True)
class Block:
    """Reserved places that are being spent, on the clock of whoever spends them."""

    grant: Grant
    _next: int = 0
    _used: int = 0

    def take(self, now: float) -> float | None:
        """Take the next place that is still good and return its moment; None when none is left."""
        late = now - GRACE_SECONDS - self.grant.begins
        self._next = max(self._next, ceil(late / self.grant.spacing))
        if self._next >= self.grant.places:
            return None
        moment = self.grant.begins + self._next * self.grant.spacing
        self._next += 1
        self._used += 1
        return moment

    def following(self, waiting: int) -> int:
        """Return how many places to ask for next: as many as wait, or as the last ones suggest.

        Twice as many as were used if all were, as many otherwise.
        """
        used_up = self._used == self.grant.places
        return max(waiting, 1, self._used * 2 if used_up else self._used)


def is_good(moment: float, now: float) -> bool:
    """Say whether a place may still be used."""
    return now <= moment + GRACE_SECONDS
