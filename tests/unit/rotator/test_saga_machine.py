"""Any course of events: processes that start, sleep, wake and die, people and clouds in between.

Hypothesis plays the events and shows the shortest course that breaks a promise.
"""

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from services.rotator.domain.state import NEXT, TERMINAL, Signal, State, advance
from services.rotator.store.lease import EFFECT_SECONDS
from tests.support.saga import disturb
from tests.support.saga.faults import CLOUDS, LEDGERS, Fault, Faults, faulty
from tests.support.saga.harness import HOUR, Process, Scene, process, run, scene
from tests.support.saga.promises import broken_promises
from tests.support.saga.world import NEVER
from tests.support.saga.zombies import EFFECTS

EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "60"))
MOST_PROCESSES = 3


class AnyCourse(RuleBasedStateMachine):
    """A rotation, up to three processes, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.scene: Scene = scene()
        self.processes: list[Process] = []
        self.asleep_since: dict[Any, float] = {}

    @initialize(
        places=st.integers(1, 3),
        stale=st.sampled_from([0.0, 20.0]),
        overlap=st.sampled_from([600.0, 48 * HOUR]),
        copy_lag=st.sampled_from([0.0, 60.0, HOUR]),
        ahead=st.integers(0, 210),
    )
    def begin(self, places: int, stale: float, overlap: float, copy_lag: float, ahead: int) -> None:
        """Begin anywhere on the way of a rotation that was not disturbed so far."""
        world = scene(places=places, stale=stale, overlap=overlap, copy_lag=copy_lag)
        self.scene = faulty(world, self.faults)
        self.start()
        run(self.scene, self.processes[0], ahead)
        self.asleep_since[self.processes[0].id] = self.scene.world.now

    @precondition(lambda self: len(self.processes) < MOST_PROCESSES)
    @rule()
    def start(self) -> None:
        self.processes.append(process(self.scene))

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1), steps=st.integers(1, 60))
    def work(self, which: int, steps: int) -> None:
        """Let a process go on; it rests when nothing is due for it."""
        one = self.processes[which % len(self.processes)]
        for _ in range(steps):
            if one.step() is None:
                break
        self.asleep_since[one.id] = self.scene.world.now

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1), checkpoints=st.integers(1, 60))
    def work_on(self, which: int, checkpoints: int) -> None:
        """Let a process go on while the others sleep, and time pass when nothing is due."""
        one = self.processes[which % len(self.processes)]
        self.asleep_since[one.id] = NEVER
        run(self.scene, one, checkpoints)
        self.asleep_since[one.id] = self.scene.world.now
        self._give_up_late_effects()

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1))
    def kill(self, which: int) -> None:
        self.processes.pop(which % len(self.processes)).kill()

    @rule(seconds=st.sampled_from([2.0, 31.0, 151.0, HOUR, 49 * HOUR]))
    def let_time_pass(self, seconds: float) -> None:
        disturb.later(seconds)(self.scene, None)  # type: ignore[arg-type]
        self._give_up_late_effects()

    def _give_up_late_effects(self) -> None:
        """Whoever stands within an effect for longer than one may take has passed its deadline."""
        now = self.scene.world.now
        for one in list(self.processes):
            slept = now - self.asleep_since.get(one.id, now)
            if one.running and one.stands_at in EFFECTS and slept > EFFECT_SECONDS:
                one.kill()
                self.processes.remove(one)

    @rule(number=st.integers(0, 2), really=st.integers(0, 3))
    def somebody_writes(self, number: int, really: int) -> None:
        if really == 3:
            disturb.write_of("value of k2", number)(self.scene, None)  # type: ignore[arg-type]

    @rule(signal=st.sampled_from([Signal.ROLL_BACK, Signal.WITHDRAW]), really=st.integers(0, 3))
    def somebody_asks(self, signal: Signal, really: int) -> None:
        if really == 3:
            self.scene.book.ask(self.scene.rotation.id, signal)

    @rule()
    def somebody_switches(self) -> None:
        self.scene.book.paused = None if self.scene.book.paused else disturb.PAUSE

    @rule(soon=st.integers(1, 30), fault=st.sampled_from([*CLOUDS, Fault.DENIED]))
    def a_cloud_will_fail(self, soon: int, fault: Fault) -> None:
        self.faults.clouds = {**self.faults.clouds, self.faults.cloud_calls + soon: fault}

    @rule(soon=st.integers(1, 30), fault=st.sampled_from(LEDGERS))
    def the_ledger_will_fail(self, soon: int, fault: Fault) -> None:
        self.faults.ledger = {**self.faults.ledger, self.faults.ledger_calls + soon: fault}

    @invariant()
    def nobody_is_locked_out(self) -> None:
        assert self.scene.world.broken == []

    @invariant()
    def every_signal_is_answered(self) -> None:
        state = self.scene.rotation.state
        allowed = NEXT.get(state, dict.fromkeys(Signal, state))
        assert {signal: advance(state, signal) for signal in allowed} == allowed

    def teardown(self) -> None:
        """Left alone, one process brings it to an end that keeps every promise."""
        self.scene.book.paused = None
        for one in self.processes:
            one.kill()
        run(self.scene, process(self.scene))

        assert broken_promises(self.scene, TERMINAL) == []
        assert self.scene.rotation.state in State


AnyCourse.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
TestAnyCourse = AnyCourse.TestCase
