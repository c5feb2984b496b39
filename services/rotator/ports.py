"""What the rotator asks of the outside; `app.py` joins each port to what implements it.

The clouds' ports raise the errors of `shared.clouds.errors` and the three named here. What an error
of a method that changes something means for that change is part of the port: see `UNAPPLIED`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from services.rotator.domain.limits import Wait
from services.rotator.domain.marker import Marker
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.standing import Capabilities, Standing
from services.rotator.domain.tidying import Round
from services.rotator.domain.version import Version
from shared.clouds.errors import CloudError, ThrottledError
from shared.errors import PermanentError, TransientError
from shared.secret_value import SecretValue


class BusyError(CloudError, TransientError):
    """Somebody else is changing the same object at this moment; nothing was changed (409)."""


class SoftDeletedError(CloudError, PermanentError):
    """The secret is deleted and can be recovered; nothing is written over it."""


class DisabledError(CloudError, PermanentError):
    """The secret's newest version is disabled, so nobody can read it."""


UNAPPLIED: Final = (ThrottledError, BusyError)
"""Errors after which the change was certainly not made. After any other transient one it may have
been, and is treated as if: looked for, then done again."""


class FencedError(Exception):
    """Somebody else has the rotation now; whoever reads this stops and touches nothing."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new credential, or one that was read back: its id, and its value in memory only."""

    key_id: str
    value: SecretValue
    expires_on: datetime | None


class Verdict(StrEnum):
    """What a real use of a credential showed."""

    WORKS = "works"
    NOT_YET = "not_yet"  # not accepted now; one that is new may be later
    UNCLEAR = "unclear"  # refused for a reason that says nothing about the credential


@dataclass(frozen=True, slots=True)
class Tested:
    """A verdict, and the cloud's own code for it where there is one."""

    verdict: Verdict
    code: str = ""


class Driver(Protocol):
    """One kind of credential. Every implementation passes the contract suite."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def look(self, target: str) -> Standing:
        """Return what the target has."""
        ...

    async def make(
        self,
        target: str,
        marker: Marker,
        lifetime: timedelta,
        before: Sequence[str],
        in_use: str | None,
    ) -> Made:
        """Make a new credential that carries `marker`, beside those that are in use.

        `before` are the ids of what the target had when this was decided, `in_use` is the id of the
        one that is replaced: where credentials stand in slots, never that slot is renewed, and
        another one only while it holds what it held before.
        """
        ...

    async def recover(self, target: str, before: Sequence[str], in_use: str | None) -> Made | None:
        """Return what an attempt that went unrecorded made, if its value can still be read."""
        ...

    async def identify(self, target: str, value: SecretValue) -> str | None:
        """Return the id of the target's credential that has this value.

        None: none has it, or (of a kind that is not recoverable) that cannot be told.
        """
        ...

    async def test(self, target: str, made: Made) -> Tested:
        """Use the credential for what it is there for: a real request, without any cache."""
        ...

    async def remove(self, target: str, key_id: str) -> None:
        """Make that one credential worthless. One that is not there any more is fine."""
        ...


class Vault(Protocol):
    """The places: secrets in vaults."""

    async def versions(self, place: Place) -> Sequence[Version]:
        """Return the secret's versions, the oldest first; those of one second in no order."""
        ...

    async def current(self, place: Place) -> tuple[Version, SecretValue] | None:
        """Return the version that everybody reads now and its value; None if there is none.

        Raises `SoftDeletedError` and `DisabledError`.
        """
        ...

    async def read(self, place: Place, version: Version) -> SecretValue:
        """Return the value of a version."""
        ...

    async def publish(self, place: Place, made: Made, label: "Label") -> Version:
        """Write a new version, which everybody reads from now on, and return it as read back.

        Raises `SoftDeletedError`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a version says about itself."""

    tags: dict[str, str]
    content_type: str | None


class Copies(Protocol):
    """What the syncer says about copies of the places elsewhere."""

    async def missing(self, rotation: Rotation) -> Sequence[str]:
        """Return the destinations that do not hold the newest version of their place yet."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on a rotation until somebody else has it: `epoch` grows with each holder."""

    rotation: Rotation
    epoch: int


class Ledger(Protocol):
    """What is remembered of rotations. All times are the ledger's own."""

    async def claim(self) -> Lease | None:
        """Take a rotation that is due and that nobody else holds, or return None.

        Whoever lost their lease is given the time that an effect may take before somebody else
        gets the rotation.
        """
        ...

    async def fence(self, lease: Lease, owner: str) -> Wait | None:
        """Make sure, right before an effect, that the lease holds for as long as an effect takes.

        `owner` is whose budget of writes the effect takes from. Returns what the effect has to
        wait for: somebody paused the rotation, or the budget is used up; then none is taken.
        Raises `FencedError`.
        """
        ...

    async def shut(self, owner: str, seconds: float) -> None:
        """Let nobody write there for a while: its cloud asked to slow down."""
        ...

    async def record(
        self, lease: Lease, after: Rotation, *, wait: float | None = None, keep: bool = False
    ) -> Lease:
        """Write down what came of a step, with its events, and when to look again, in seconds.

        Without `wait` the step goes on under the lease. With `keep` nobody else gets the rotation
        meanwhile, because its credential's value is in this process. What a person asked for since
        the claim is kept, and heeded as `domain.rotation.answer` says. Raises `FencedError`, and
        then nothing was written.
        """
        ...

    async def until(self, instant: datetime) -> float:
        """Return the seconds until an instant by the ledger's clock; 0 when it has passed."""
        ...


class Rounds(Protocol):
    """The janitor's rounds of targets that nobody rotates at the moment."""

    async def begin(self) -> Round | None:
        """Take a target that was not looked at for a day, or return None."""
        ...

    async def fence(self, around: Round) -> None:
        """Make sure, right before an effect, that nobody else has the target.

        Raises `FencedError`.
        """
        ...

    async def end(self, around: Round) -> None:
        """Give the target back until tomorrow."""
        ...
