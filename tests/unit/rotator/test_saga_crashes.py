"""A rotation can be killed at any instruction, and still nobody is locked out and nothing is left.

The harness kills the process before and after every effect and every commit, whichever those are.
"""

from dataclasses import replace

import pytest

from services.rotator.domain.state import State
from tests.support.saga.harness import (
    ROTATION_ID,
    Scene,
    broken_promises,
    process,
    run,
    scene,
    with_crashes,
)

STALE = pytest.mark.parametrize("stale", [0.0, 20.0])


def count(stale: float) -> int:
    undisturbed = scene(stale=stale)
    return run(undisturbed, process(undisturbed))


def test_an_undisturbed_rotation_keeps_every_promise() -> None:
    undisturbed = scene()

    run(undisturbed, process(undisturbed))

    assert broken_promises(undisturbed) == []


@STALE
def test_killed_once_at_any_instruction_it_keeps_every_promise(stale: float) -> None:
    cases = {point: with_crashes(scene(stale=stale), [point]) for point in range(1, count(stale))}

    assert len(cases) > 100
    assert {point: said for point, each in cases.items() if (said := broken_promises(each))} == {}


@pytest.mark.parametrize("places", [1, 3])
def test_killed_at_every_seventh_instruction_until_the_end_it_keeps_every_promise(
    places: int,
) -> None:
    worn: Scene = with_crashes(scene(places=places), [7, 14, 21])

    assert broken_promises(worn) == []


def test_what_has_to_be_allowed_waits_until_it_is() -> None:
    waiting = scene()
    waiting.book.rows[ROTATION_ID].rotation = replace(
        waiting.rotation, state=State.REQUESTED, approval_required=True
    )

    run(waiting, process(waiting))

    assert waiting.rotation.state is State.AWAITING_APPROVAL
    assert waiting.rotation.plan_hash is not None
