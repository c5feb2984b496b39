"""One case of each campaign: what is disturbed, and to which ends it may come."""

from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from services.rotator.domain.state import ROLL_BACK_FROM, Signal, State
from tests.support.saga.disturb import Act, crash, pause, resume, wish, write_of
from tests.support.saga.faults import CLOUD, CLOUDS, LEDGERS, Fault, Faults, faulty
from tests.support.saga.harness import Process, Scene, process, run, scene, with_crashes
from tests.support.saga.promises import (
    DONE,
    LATE,
    OLD,
    STOPPED,
    broken_promises,
    written_twice,
)
from tests.support.saga.zombies import Sleep, beyond_healing, taken_over

WITHDRAWN: Final = (
    CLOUD,
    frozenset({"make"}),
    frozenset({"publish"}),
    frozenset({"remove"}),
    frozenset({"test"}),
    frozenset({"look", "make", "remove"}),
    frozenset({"current", "read", "versions", "publish"}),
)
"""Calls that one permission less makes impossible."""

EARLY: Final = frozenset({State.SCHEDULED, State.PREFLIGHT})
_GATE_SHUT: Final = frozenset({"after copies", "before remove"})
"""Between the gate's last look and the removal: nobody has a conditional removal."""


class Played(NamedTuple):
    """What a case broke, how it ended, and whether its last number disturbs nothing any more."""

    broken: list[str]
    end: str
    ended: bool = True


def safely(play: Callable[..., Played], points: Iterable[int]) -> Played:
    """Play a case; a saga that does not end, or reports a defect of its own, breaks a promise."""
    try:
        return play(*points)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
        return Played([f"{type(error).__name__}: {error}"], "error")


def over(scene: Scene, allowed: Collection[State] = DONE) -> Played:
    return Played(broken_promises(scene, allowed), scene.rotation.state)


def crashes(places: int, stale: int, *points: int) -> Played:
    """Kill a process after each number of checkpoints in turn."""
    worn = with_crashes(scene(places=places, stale=float(stale)), points)
    return Played([*broken_promises(worn), *written_twice(worn)], worn.rotation.state)


def two_crashes(first: int, second: int) -> Played:
    worn = scene()
    victim = process(worn)
    run(worn, victim, first)
    victim.kill()
    victim = process(worn)
    ended = run(worn, victim, second) < second
    victim.kill()
    run(worn, process(worn))
    return Played([*broken_promises(worn), *written_twice(worn)], worn.rotation.state, ended)


def take_over(sleep: Sleep, asleep_at: int, awake_after: int) -> Played:
    """Only who slept through the overlap, within an effect, leaves something to the janitor."""
    taken = taken_over(asleep_at, awake_after, sleep)
    broken = broken_promises(taken.scene)
    end = f"{taken.scene.rotation.state}{', for the janitor' if broken else ''}"
    if broken and sleep is Sleep.ENDLESS and taken.is_late:
        broken = beyond_healing(taken)
    return Played(broken, end, taken.other_ended)


def foreign_write(owner: int, place: int, point: int, dies: int) -> Played:
    """Somebody writes a place: the old credential's value (1), or that of their own (2)."""
    written = scene()
    first = process(written)
    run(written, first, point)
    conflicting = written.rotation.state not in LATE | EARLY | DONE
    removable = written.rotation.state is State.RETIRING and first.stands_at in _GATE_SHUT
    own_doing = owner == 1 and (removable or not written.world.alive(OLD))
    write_of(f"value of k{owner}", place)(written, first)
    _go_on(written, first, [(dies, crash)] if dies else [])
    if own_doing:
        written.world.broken.clear()
    return over(written, {State.CONFLICT} if conflicting else {State.CONFLICT, *DONE})


def roll_back(copy_lag: int, point: int, dies: int) -> Played:
    """A person who asks before the old credential begins to go gets it back."""
    asked = scene(overlap=600.0, copy_lag=float(copy_lag))
    first = process(asked)
    run(asked, first, point)
    in_time = asked.rotation.state in ROLL_BACK_FROM | EARLY
    _go_on(asked, first, [(0, wish(Signal.ROLL_BACK)), (dies, crash)])
    return over(asked, {State.ROLLED_BACK} if in_time else DONE)


def withdraw(point: int) -> Played:
    """A person who asks before anything is made stops it; later it has no effect."""
    asked = scene()
    first = process(asked)
    run(asked, first, point)
    in_time = asked.rotation.state in EARLY
    _go_on(asked, first, [(0, wish(Signal.WITHDRAW))])
    return over(asked, {State.ABANDONED} if in_time else DONE)


def kill_switch(on: int, off: int, dies: int) -> Played:
    """Whatever is switched off and on again goes on."""
    paused = scene()
    acts: list[tuple[int, Act]] = [(on, pause), (off, resume)]
    _go_on(paused, process(paused), [*acts, (dies, crash)] if dies else acts)
    return over(paused)


def faults(*points: int) -> Played:
    """Each fault is whose call (1: the clouds', 2: the ledger's), which one, and what of it."""
    clouds: dict[int, Fault] = {}
    ledger: dict[int, Fault] = {}
    for whose, call, kind in zip(points[::3], points[1::3], points[2::3], strict=True):
        if whose == 1:
            clouds[call] = CLOUDS[kind]
        else:
            ledger[call] = LEDGERS[kind]
    troubled = faulty(scene(), Faults(clouds=clouds, ledger=ledger))
    run(troubled, process(troubled))
    return over(troubled)


def denied(since: int, which: int) -> Played:
    """What must not be called any more is not needed for a safe end."""
    troubled = faulty(scene(), Faults(since=since, withdrawn=WITHDRAWN[which]))
    run(troubled, process(troubled))
    return over(troubled, STOPPED | DONE)


def _go_on(scene: Scene, running: Process, acts: Iterable[tuple[int, Act]]) -> None:
    for gap, act in acts:
        run(scene, running, gap)
        running = act(scene, running)
    run(scene, running)
