"""An emergency rotation: a credential is known to others and must stop working now.

It keeps the order of every rotation (the successor is made, seen to work and published first), but
the old credential is removed at once: the overlap is 0, and consumers that still hold it fail until
they read the new one.

Two confirmations are asked for, from one person: the credential's name, typed, and a password given
within five minutes. At three in the morning there may be nobody else, so a second person is not
waited for; somebody else looks at it within a day.

The order of several: known leaks before suspicions, because they are being used; then those with
the fewest consumers, which close a hole at the least price and show whether the procedure works
before the one that all depend on. A number of consumers that nobody knows counts as the highest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final

from services.rotator.domain.instants import in_words, later, written

OVERLAP: Final = timedelta()
FRESH: Final = timedelta(minutes=5)
REVIEWED_WITHIN: Final = timedelta(hours=24)
TOKENS_LIVE: Final = timedelta(minutes=90)
"""What a removed credential obtained before works on by default: access tokens cannot be revoked
and live for 60 to 90 minutes (Microsoft identity platform, “Configurable token lifetimes”)."""

MOST_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody's word that a credential must stop working now."""

    credential_name: str
    typed_name: str
    requested_by: str
    password_given_at: datetime | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A credential to replace at once. `consumers` is None where nobody knows how many."""

    credential_id: str
    name: str
    leaked: bool
    consumers: int | None


class State(StrEnum):
    """Whether the old credential can still be used."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What became of one credential; an instant is None while it has not happened.

    `removed_at` is when it was removed, or first seen gone. `seen_gone` says whether the directory
    confirmed the removal; None: it could not be asked.
    """

    name: str
    published_at: datetime | None = None
    removed_at: datetime | None = None
    seen_gone: bool | None = None
    failure: str | None = None

    @property
    def state(self) -> State:
        """Return what is known of the old credential; removed and not looked at is not known."""
        if self.removed_at is None or self.seen_gone is False:
            return State.ALIVE
        return State.DEAD if self.seen_gone else State.UNKNOWN

    @property
    def tokens_until(self) -> datetime | None:
        """Return until when tokens may work that the old credential obtained before."""
        return None if self.removed_at is None else later(self.removed_at, TOKENS_LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an emergency rotation did: who asked and why, and what became of each credential."""

    requested_by: str
    reason: str
    requested_at: datetime
    lines: tuple[Line, ...]

    @property
    def review_until(self) -> datetime:
        """Return by when somebody else looks at it."""
        return self.requested_at + REVIEWED_WITHIN

    @property
    def alive(self) -> tuple[str, ...]:
        """Return the credentials that still work, or may do so."""
        return tuple(line.name for line in self.lines if line.state is not State.DEAD)

    @property
    def contained_at(self) -> datetime | None:
        """Return when the last token that an old credential obtained has run out.

        None while a credential works, or may do so.
        """
        ends = [line.tokens_until for line in self.lines if line.tokens_until is not None]
        return None if self.alive else max(ends, default=None)

    @property
    def sentence(self) -> str:
        """Say how it stands, for people."""
        if self.alive:
            names = ", ".join(self.alive)
            return f"{len(self.alive)} of {len(self.lines)} may still work: {names}."
        if self.contained_at is None:
            return "Nothing was replaced."
        return (
            f"All {len(self.lines)} old credentials are gone. Tokens that they obtained before may"
            f" work until {written(self.contained_at)}, longer where the tenant's policy says so."
        )


def refusal(request: Request) -> str | None:
    """Return why an emergency rotation is not begun, as a sentence, or None."""
    if request.typed_name != request.credential_name:
        return "Type the credential's name exactly as shown: consumers that hold it will fail."
    given = request.password_given_at
    if given is None or not timedelta() <= request.at - given <= FRESH:
        return f"Give your password again; it counts for {in_words(FRESH)}."
    if not 0 < len(request.reason.strip()) <= MOST_CHARACTERS:
        return f"Say what happened, in 1 to {MOST_CHARACTERS} characters; the review asks for it."
    return None


def in_order(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return several credentials in the order in which they are replaced."""
    return tuple(sorted(targets, key=_place))


def _place(target: Target) -> tuple[bool, float, str, str]:
    consumers = inf if target.consumers is None else target.consumers
    return not target.leaked, consumers, target.name, target.credential_id
