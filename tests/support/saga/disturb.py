"""What happens to a rotation while it runs: crashes, other people's writes, wishes, pauses."""

from collections.abc import Callable, Iterable
from typing import Final

from services.rotator.domain.state import Signal
from tests.support.saga.harness import Process, Scene, process, run

Act = Callable[[Scene, Process], Process]
"""Does something to a scene and returns the process that goes on."""

PAUSE: Final = "Rotation was paused by Kim at 03:00 UTC."


def disturbed(scene: Scene, acts: Iterable[tuple[int, Act]]) -> Scene:
    """Let a process run on for so many checkpoints before each act, then to the end."""
    running = process(scene)
    for gap, act in acts:
        run(scene, running, gap)
        running = act(scene, running)
    run(scene, running)
    return scene


def crash(scene: Scene, running: Process) -> Process:
    running.kill()
    return process(scene)


def write_of(value: str, number: int = 0, tags: dict[str, str] | None = None) -> Act:
    """Somebody writes a place by hand."""

    def act(scene: Scene, running: Process) -> Process:
        names = list(scene.world.places)
        scene.world.put(names[number % len(names)], value, tags or {}, ours=False)
        return running

    return act


def wish(signal: Signal) -> Act:
    """A person asks for something."""

    def act(scene: Scene, running: Process) -> Process:
        scene.book.ask(scene.rotation.id, signal)
        return running

    return act


def pause(scene: Scene, running: Process) -> Process:
    scene.book.paused = PAUSE
    return running


def resume(scene: Scene, running: Process) -> Process:
    scene.book.paused = None
    return running


def later(seconds: float) -> Act:
    """Nothing runs for a while: the process is alive, and asleep."""

    def act(scene: Scene, running: Process) -> Process:
        scene.world.now += seconds
        scene.world.catch_up()
        scene.world.check()
        return running

    return act
