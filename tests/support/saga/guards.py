"""Every guard of the saga: the cases in which it keeps a promise, and how to take it away."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pytest

from services.rotator.domain.rotation import follow, intend
from services.rotator.domain.state import Signal, State
from services.rotator.ports import Lease, Tested, Verdict
from services.rotator.steps import making, places, publishing, retiring, rolling_back, saga
from services.rotator.steps.turn import Turn
from tests.support.saga import disturb, memory
from tests.support.saga.harness import Scene, process, run, scene, with_crashes
from tests.support.saga.played import over, take_over
from tests.support.saga.promises import OLD, STOPPED, broken_promises, written_twice
from tests.support.saga.zombies import Sleep

Case = Callable[[], list[str]]


class Guard(NamedTuple):
    """What a guard is for, the case that shows it, how to remove it, and what is said then."""

    promise: str
    keeps: Case
    take_away: Callable[[pytest.MonkeyPatch], None]
    breaks: str


def until(label: str, state: State, disturbed: Scene) -> Any:
    """Let a process run until it stands at a checkpoint in a state, and return it."""
    running = process(disturbed)
    while (running.stands_at, disturbed.rotation.state) != (label, state):
        run(disturbed, running, 1)
    return running


def _any(cases: Iterator[list[str]]) -> list[str]:
    return next((broken for broken in cases if broken), [])


def _undisturbed() -> list[str]:
    undisturbed = scene()
    run(undisturbed, process(undisturbed))
    return over(undisturbed).broken


def _asleep() -> list[str]:
    pairs = ((i, j) for i in range(17, 85, 3) for j in (30, 90, 200))
    return _any(take_over(Sleep.QUARANTINED, *pair).broken for pair in pairs)


def _crashes() -> list[str]:
    def cases() -> Iterator[list[str]]:
        for point in range(15, 90):
            worn = with_crashes(scene(), [point])
            yield [*broken_promises(worn), *written_twice(worn)]

    return _any(cases())


def _endless_crashes() -> list[str]:
    doomed = scene()
    running = process(doomed)
    while not doomed.rotation.is_over and len(doomed.world.credentials) < 12:
        run(doomed, running, 1)
        if running.stands_at == "after make":
            running = disturb.crash(doomed, running)
    return broken_promises(doomed, STOPPED)


def _never_working() -> list[str]:
    broken = scene()
    broken.world.makes_broken = True
    run(broken, process(broken))
    return over(broken, STOPPED).broken


def _written(label: str, state: State, signal: Signal | None = None) -> Case:
    """Return a case in which somebody else writes a place at a checkpoint."""

    def case() -> list[str]:
        written = scene()
        if signal is not None:
            running = until("before claim", State.OVERLAP, written)
            disturb.wish(signal)(written, running)
        else:
            running = process(written)
        while (running.stands_at, written.rotation.state) != (label, state):
            run(written, running, 1)
        disturb.write_of("value of k2")(written, running)
        run(written, running)
        return over(written, STOPPED).broken

    return case


def _slow_copies() -> list[str]:
    """Copies take much longer than the overlap."""
    slow = scene(overlap=600.0, copy_lag=7_200.0)
    run(slow, process(slow))
    return over(slow).broken


def _slow_copies_back() -> list[str]:
    """Copies got the new credential soon, and get the old one back late."""
    slow = scene(overlap=600.0)
    running = until("before claim", State.OVERLAP, slow)
    disturb.later(100.0)(slow, running)
    slow.world.copy_lag = 7_200.0
    disturb.wish(Signal.ROLL_BACK)(slow, running)
    run(slow, running)
    return over(slow, {State.ROLLED_BACK}).broken


def _lost_credential() -> list[str]:
    """Somebody removes the new credential during the overlap: then the old one has to stay."""
    lost = scene()
    running = until("before claim", State.OVERLAP, lost)
    lost.world.credentials[lost.rotation.new_key_id or ""].died = lost.world.now
    run(lost, running)
    return [] if lost.world.alive(OLD) else ["the old one was removed while the new one is dead"]


def _dead_old_one() -> list[str]:
    """Somebody removes the old credential, and then somebody wants it back."""
    dead = scene()
    running = until("before claim", State.OVERLAP, dead)
    dead.world.credentials[OLD].died = dead.world.now - 1.0
    disturb.wish(Signal.ROLL_BACK)(dead, running)
    run(dead, running)
    held = dead.world.places.values()
    given_back = any(each[-1].value == f"value of {OLD}" for each in held)
    return ["a dead credential was given back"] if given_back else []


def _wish_during(label: str, state: State) -> Case:
    """Return a case in which a person wants the old one back at a checkpoint."""

    def case() -> list[str]:
        asked = scene()
        running = until(label, state, asked)
        disturb.wish(Signal.ROLL_BACK)(asked, running)
        run(asked, running)
        return over(asked, {State.ROLLED_BACK}).broken

    return case


def _without_fence(patch: pytest.MonkeyPatch) -> None:
    async def fence(*_: object) -> None:
        return

    patch.setattr(memory.MemoryLedger, "fence", fence)


def _without_epoch(patch: pytest.MonkeyPatch) -> None:
    def mine(ledger: memory.MemoryLedger, lease: Lease) -> memory.Row:
        return ledger.book.rows[lease.rotation.id]

    patch.setattr(memory.MemoryLedger, "_mine", mine)


def _without_adoption(patch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Turn) -> bool:
        return False

    patch.setattr(making, "_found", nothing)


def _without_test(patch: pytest.MonkeyPatch) -> None:
    async def works(*_: object) -> Tested:
        return Tested(Verdict.WORKS)

    patch.setattr(memory.WorldDriver, "test", works)


def _with_one_confirmation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(making, "CONFIRMATIONS", 1)


def _in_place_of(state: State, step: Callable[[Turn], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what replaces a step in the saga's table."""

    def take_away(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(f"{Scene.__module__}.STEPS", {**saga.STEPS, state: step})

    return take_away


async def _sweep_nothing(turn: Turn) -> None:
    await turn.signal(Signal.ADVANCE)


async def _retire_all_others(turn: Turn) -> None:
    for key_id in (await turn.driver.look("app")).key_ids:
        if key_id != turn.rotation.new_key_id:
            await turn.fence()
            await turn.driver.remove("app", key_id)
    await turn.signal(Signal.ADVANCE)


async def _make_before_intent(turn: Turn) -> None:
    """Make a credential, and write down only then that it was about to be made."""
    if turn.made or (turn.rotation.attempt and await making._found(turn)):
        return
    standing = await turn.driver.look("app")
    intended = intend(turn.rotation, standing.key_ids)
    made = await turn.driver.make(
        "app", intended.marker, intended.lifetime, intended.before, intended.old_key_id
    )
    after = follow(replace(intended, new_key_id=made.key_id), Signal.ADVANCE)
    turn._parts.hand.hold(intended, made)
    await turn.record(after)


def _blind(*modules: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what lets nobody else's newest version be seen."""

    def take_away(patch: pytest.MonkeyPatch) -> None:
        for module in modules:
            patch.setattr(module, "foreign", lambda _: None)

    return take_away


def _without_history(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(places, "strangers", lambda *_: [])


def _without_copies(patch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> Sequence[str]:
        return ()

    patch.setattr(memory.WorldCopies, "missing", none)


def _trusting(module: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what takes any credential for one that works."""

    async def always(*_: object) -> bool:
        return True

    return lambda patch: patch.setattr(module, "works", always)


def _deaf(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory, "answer", lambda _before, after, _wanted: after)


def _patient(patch: pytest.MonkeyPatch) -> None:
    """Keep wishes, but let the step go on to where they cannot be heeded."""
    patch.setattr(memory, "answer", lambda _, after, wanted: replace(after, wanted=wanted))


def _hasty(patch: pytest.MonkeyPatch) -> None:
    """Let the overlap begin when the places are written, whatever their copies hold."""

    def stamp(before: Any, after: Any, now: Any) -> Any:
        published = after.state is State.PUBLISHED and before.state is not after.state
        return replace(after, not_before=now + after.overlap) if published else after

    patch.setattr(memory, "stamp", stamp)


GUARDS: Final = {
    "fence": Guard("who was taken over does nothing more", _asleep, _without_fence, "locked out"),
    "epoch": Guard("who was taken over records nothing", _asleep, _without_epoch, "was made twice"),
    "adoption": Guard(
        "what was published is not made again", _crashes, _without_adoption, "written twice"
    ),
    "verification": Guard(
        "only what works is published", _never_working, _without_test, "locked out"
    ),
    "confirmations": Guard(
        "every replica knows it", _undisturbed, _with_one_confirmation, "locked out"
    ),
    "sweep": Guard(
        "no lost attempt is left", _crashes, _in_place_of(State.SWEEPING, _sweep_nothing), "orphans"
    ),
    "key id": Guard(
        "only the old one goes",
        _undisturbed,
        _in_place_of(State.RETIRING, _retire_all_others),
        "foreign credential was removed",
    ),
    "intent": Guard(
        "what is about to be made is written down first",
        _endless_crashes,
        _in_place_of(State.CREATING, _make_before_intent),
        "was made twice",
    ),
    "base version": Guard(
        "nobody else's version is written over",
        _written("before current", State.VERIFIED),
        _blind(publishing),
        "knowingly written over",
    ),
    "history": Guard(
        "a version that ours covered is found",
        _written("before publish", State.VERIFIED),
        _without_history,
        "nobody is told",
    ),
    "history when rolling back": Guard(
        "a version that our rollback covered is found",
        _written("before publish", State.ROLLING_BACK, Signal.ROLL_BACK),
        _without_history,
        "nobody is told",
    ),
    "copies": Guard("who reads a copy is waited for", _slow_copies, _without_copies, "the copy of"),
    "copies when rolling back": Guard(
        "who reads a copy is waited for on the way back too",
        _slow_copies_back,
        _without_copies,
        "the copy of",
    ),
    "overlap after the copies": Guard(
        "who holds an old copy has the whole overlap", _undisturbed, _hasty, "the copy of"
    ),
    "fresh test": Guard(
        "the old one goes only while the new one works",
        _lost_credential,
        _trusting(retiring),
        "the new one is dead",
    ),
    "test of the old one": Guard(
        "a dead credential is not given back",
        _dead_old_one,
        _trusting(rolling_back),
        "was given back",
    ),
    "wish": Guard(
        "what a person asks for is not lost",
        _wish_during("before commit", State.CREATED),
        _deaf,
        "completed",
    ),
    "wish at the last moment": Guard(
        "a wish that came in time is heeded",
        _wish_during("after copies", State.OVERLAP),
        _patient,
        "completed",
    ),
}
