"""What holds when a rotation is over, whichever end it came to.

While it runs the world itself notes whoever is locked out.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

from services.rotator.domain.marker import Marker
from services.rotator.domain.rotation import MAX_ATTEMPTS
from services.rotator.domain.state import State
from shared.events import RotationCompleted, RotationPublished, RotationStep
from tests.support.saga.harness import Scene
from tests.support.saga.world import Stored

OLD: Final = "k1"
DONE: Final = frozenset({State.COMPLETED})
STOPPED: Final = frozenset({State.ABANDONED, State.CONFLICT, State.FAILED})
LATE: Final = frozenset({State.RETIRING, State.SWEEPING})


def broken_promises(scene: Scene, allowed: Collection[State] = DONE) -> list[str]:
    """Return what is not as promised now that everything is over."""
    rotation = scene.rotation
    found = list(dict.fromkeys(scene.world.broken))
    if rotation.state not in allowed:
        found.append(f"it ended in {rotation.state}: {rotation.reason}")
    return [*found, *_ended(scene), *_others(scene), *_told(scene), *_marked(scene)]


def _ended(scene: Scene) -> list[str]:
    match scene.rotation.state:
        case State.COMPLETED:
            return _completed(scene)
        case State.ROLLED_BACK:
            return _rolled_back(scene)
        case State.ABANDONED:
            return [*_alive(scene), *_untouched(scene)]
        case State.CONFLICT | State.FAILED:
            return [] if came_from(scene) in LATE else _alive(scene)
        case _:
            return [f"it is not over: {scene.rotation.state}"]


def _completed(scene: Scene) -> list[str]:
    found = []
    if orphans := scene.world.marked() - {scene.book.current or ""}:
        found.append(f"orphans: {sorted(orphans)}")
    if scene.world.alive(OLD):
        found.append("the old credential is still alive")
    return found


def _rolled_back(scene: Scene) -> list[str]:
    found = _alive(scene)
    if orphans := scene.world.marked():
        found.append(f"orphans: {sorted(orphans)}")
    held = scene.world.places
    return found + [
        f"{place.name} does not hold again what it held"
        for place in scene.rotation.places
        if held[place.name][-1].value not in _values(held[place.name], place.base_version)
    ]


def _values(held: Sequence[Stored], version: str | None) -> set[str]:
    return {each.value for each in held if each.version.id == version}


def _alive(scene: Scene) -> list[str]:
    return [] if scene.world.alive(OLD) else [f"the old one was removed in {scene.rotation.state}"]


def _untouched(scene: Scene) -> list[str]:
    return [
        f"{place.name} was written, and yet nothing is said to have changed"
        for place in scene.rotation.places
        if any(each.version.is_of(scene.rotation.id) for each in scene.world.places[place.name])
    ]


def _others(scene: Scene) -> list[str]:
    """Whoever else wrote a place is never written over knowingly, and never without a conflict."""
    bases = {place.base_version for place in scene.rotation.places}
    found = []
    for name, version, seen in scene.world.replaced:
        if version in bases:
            continue
        if seen:
            found.append(f"somebody else's {version} of {name} was knowingly written over")
        elif scene.rotation.state not in STOPPED:
            found.append(f"{version} of {name} was written over, and nobody is told")
    return found


def _told(scene: Scene) -> list[str]:
    """Everybody is told once of the completion, and of the credential that each place holds."""
    events = scene.book.events
    completed = sum(isinstance(event, RotationCompleted) for event in events)
    found = []
    if completed != (scene.rotation.state is State.COMPLETED):
        found.append(f"{completed} completion events")
    told = {each.version for each in events if isinstance(each, RotationPublished)}
    if scene.rotation.state in {State.COMPLETED, State.ROLLED_BACK}:
        found += [
            f"nobody was told of what {name} holds"
            for name, held in scene.world.places.items()
            if held[-1].ours and len(held) > 1 and not _known(held, told)
        ]
    steps = [event for event in events if isinstance(event, RotationStep)]
    found += [
        f"the steps told do not follow from each other: {one.state}, {two.previous_state}"
        for one, two in pairwise(steps)
        if one.state != two.previous_state
    ]
    return found


def _known(held: Sequence[Stored], told: Collection[str]) -> bool:
    return held[-1].value in {each.value for each in held if each.version.id in told}


def _marked(scene: Scene) -> list[str]:
    """No two credentials carry one marker, and no more are made than there are attempts."""
    ours = [
        each.name
        for each in scene.world.credentials.values()
        if Marker.parse(each.name) and each.key_id not in scene.world.others
    ]
    found = [f"{name} was made twice" for name in sorted(set(ours)) if ours.count(name) > 1]
    return [*found, f"{len(ours)} were made"] if len(ours) > MAX_ATTEMPTS else found


def written_twice(scene: Scene) -> list[str]:
    """Return the places that were written more than once, which takes a sleeper to happen."""
    return [
        f"{name} was written twice"
        for name, held in scene.world.places.items()
        if sum(each.version.is_of(scene.rotation.id) for each in held) > 1
    ]


def came_from(scene: Scene) -> State:
    """Return the state before the last one."""
    steps = [event for event in scene.book.events if isinstance(event, RotationStep)]
    return State(steps[-1].previous_state or State.SCHEDULED)
