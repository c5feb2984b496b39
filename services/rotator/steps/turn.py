"""One turn: a rotation that is due, its steps, and what came of each written down."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.rotator.domain.limits import Wait
from services.rotator.domain.pace import BETWEEN_CONFIRMATIONS
from services.rotator.domain.retry import NeedsAttention, after_failure
from services.rotator.domain.rotation import Place, Rotation, follow, heed
from services.rotator.domain.state import AT_REST, Signal, State
from services.rotator.ports import Copies, Driver, FencedError, Lease, Ledger, Made, Vault
from services.rotator.steps.hand import LONGEST_SECONDS, Hand
from shared.clouds.errors import ThrottledError
from shared.errors import CertifyCloudsError, PermanentError, TransientError

_WITH_VALUE: Final = frozenset({State.CREATING, State.CREATED, State.VERIFIED})


class HeldError(Exception):
    """The next effect has to wait; both credentials stay as they are meanwhile."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.reason)
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the steps work with; `between` are the seconds between two looks that must agree."""

    ledger: Ledger
    drivers: Mapping[str, Driver]
    vault: Vault
    copies: Copies
    hand: Hand
    between: float = BETWEEN_CONFIRMATIONS


class Turn:
    """A lease and what is done under it; `rotation` is always what was recorded last."""

    def __init__(self, parts: Parts, lease: Lease) -> None:
        self._parts = parts
        self._lease = lease
        self._owner = ""
        self.is_over = False
        self.vault: Final = parts.vault
        self.copies: Final = parts.copies
        self.between: Final = parts.between

    @property
    def rotation(self) -> Rotation:
        return self._lease.rotation

    @property
    def driver(self) -> Driver:
        return self._parts.drivers[self.rotation.driver]

    @property
    def made(self) -> Made | None:
        """The new credential, if this process holds its value."""
        return self._parts.hand.get(self.rotation)

    def hold(self, made: Made) -> None:
        """Keep a value in memory until it is published."""
        self._parts.hand.hold(self.rotation, made)

    async def fence(self, place: Place | None = None) -> None:
        """Call right before every effect: on a place, or (without one) on the target.

        Raises `FencedError`, or `HeldError`.
        """
        self._owner = f"vault {place.vault_url}" if place else f"target {self.rotation.driver}"
        if wait := await self._parts.ledger.fence(self._lease, self._owner):
            raise HeldError(wait)

    async def slow_down(self, seconds: float) -> None:
        """Let no rotation write where this one was asked to slow down."""
        await self._parts.ledger.shut(self._owner, seconds)

    async def until(self, rotation: Rotation) -> float:
        """Return the seconds until the rotation's overlap is over."""
        return await self._parts.ledger.until(rotation.not_before) if rotation.not_before else 0.0

    async def record(self, after: Rotation, *, wait: float = 0.0) -> None:
        """Write down what came of the step; without a wait the next one follows at once.

        Raises `FencedError`.
        """
        if wait == 0.0 and after.state not in AT_REST:
            await self.note(after)
            self._forget(after)
            return
        held = after.state in _WITH_VALUE and self._parts.hand.get(after) is not None
        keep = held and wait <= LONGEST_SECONDS
        self._lease = await self._parts.ledger.record(self._lease, after, wait=wait, keep=keep)
        self.is_over = True
        if not keep:
            self._parts.hand.drop(after.id)

    async def note(self, after: Rotation) -> None:
        """Write down how far the step is, and go on with it. Raises `FencedError`."""
        self._lease = await self._parts.ledger.record(self._lease, after)
        self.is_over = self.rotation.state in AT_REST

    async def signal(self, signal: Signal, reason: str | None = None, *, wait: float = 0.0) -> None:
        """Write down that the rotation goes on to the state that follows."""
        await self.record(follow(self.rotation, signal, reason), wait=wait)

    def drop(self) -> None:
        """Forget the value: it is somebody else's to go on, or of no use any more."""
        self._parts.hand.drop(self.rotation.id)

    def _forget(self, after: Rotation) -> None:
        if after.state not in _WITH_VALUE:
            self._parts.hand.drop(after.id)


Step = Callable[[Turn], Awaitable[None]]
Stop = Callable[[Turn, str], Awaitable[None]]


async def take(parts: Parts, steps: Mapping[State, Step], stop: Stop) -> Rotation | None:
    """Take a rotation that is due as far as it goes without waiting; None if none was due."""
    lease = await parts.ledger.claim()
    if lease is None:
        return None
    turn = Turn(parts, lease)
    try:
        while not turn.is_over:
            await _step(turn, steps, stop)
    except FencedError:
        turn.drop()
    return turn.rotation


async def _step(turn: Turn, steps: Mapping[State, Step], stop: Stop) -> None:
    try:
        if (after := heed(turn.rotation)) is not None:
            await turn.record(after)
        else:
            await steps[turn.rotation.state](turn)
    except HeldError as held:
        after = replace(turn.rotation, reason=str(held))
        await turn.record(after, wait=held.wait.span.total_seconds())
    except TransientError as error:
        await again(turn, error, stop)
    except PermanentError as error:
        await stop(turn, sentence(error))


async def again(turn: Turn, error: TransientError, stop: Stop) -> None:
    """Park the rotation until the step may succeed; stop it when it was tried often enough."""
    rotation = turn.rotation
    decision = after_failure(rotation.tries + 1, error.retry_after)
    if isinstance(decision, NeedsAttention):
        await stop(turn, f"{sentence(error)} {decision.reason}")
        return
    if isinstance(error, ThrottledError):
        await turn.slow_down(decision.wait.total_seconds())
    reason = f"{sentence(error)} {decision.reason or ''}".strip()
    after = replace(rotation, tries=rotation.tries + 1, reason=reason)
    await turn.record(after, wait=decision.wait.total_seconds())


def sentence(error: CertifyCloudsError) -> str:
    """Return what happened and what to do about it."""
    return f"{error} {error.remedy}".strip()
