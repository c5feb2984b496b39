"""A process that falls asleep is taken over; when it wakes, it does no harm.

Within an effect nothing can hold it back any more. So it is given the time that an effect may
take before somebody else begins, and its effect has a deadline that is as long.
"""

from random import Random

import pytest

from services.rotator.domain.state import State
from tests.support.saga.campaigns import length
from tests.support.saga.harness import process, run, scene
from tests.support.saga.played import take_over
from tests.support.saga.promises import broken_promises
from tests.support.saga.zombies import (
    EFFECTS,
    Sleep,
    beyond_healing,
    finish,
    taken_over,
)


def some(seed: int, count: int = 100) -> list[tuple[int, int]]:
    random, most = Random(seed), length()  # noqa: S311 - the same cases in every run
    return [(random.randint(1, most), random.randint(0, most + 20)) for _ in range(count)]


def effects() -> list[int]:
    """Return the checkpoints right before an effect."""
    watched = scene()
    one = process(watched)
    return [
        point for point in range(1, length()) if run(watched, one, 1) and one.stands_at in EFFECTS
    ]


@pytest.mark.parametrize("sleep", list(Sleep))
def test_taken_over_at_any_instruction_it_keeps_every_promise(sleep: Sleep) -> None:
    assert {case: said for case in some(7) if (said := take_over(sleep, *case).broken)} == {}


@pytest.mark.parametrize("sleep", [Sleep.QUARANTINED, Sleep.WITHIN_THE_OVERLAP])
def test_who_sleeps_within_an_effect_until_the_overlap_ends_harms_nobody(sleep: Sleep) -> None:
    cases = [(i, j) for i in effects() for j in range(0, length() + 60, 9)]

    assert len(effects()) == 4
    assert {case: said for case in cases if (said := take_over(sleep, *case).broken)} == {}


def test_a_credential_that_a_sleeper_makes_before_the_sweep_is_swept() -> None:
    made, _, _, _ = effects()

    taken = taken_over(made, 100, Sleep.ENDLESS)

    assert broken_promises(taken.scene) == []
    assert len(taken.scene.world.credentials) == 5


def test_only_who_sleeps_through_the_whole_overlap_leaves_something_for_the_janitor() -> None:
    cases = [(i, j) for i in effects() for j in range(0, length() + 60, 7)]
    left = [
        taken
        for case in cases
        if broken_promises((taken := taken_over(*case, Sleep.ENDLESS)).scene)
    ]

    assert left
    assert all(taken.is_late for taken in left)
    assert [said for taken in left if (said := beyond_healing(taken))] == []


def test_what_a_janitor_could_not_heal_is_seen() -> None:
    taken = taken_over(1, 1, Sleep.QUARANTINED)
    current = taken.scene.book.current or ""
    for held in taken.scene.world.places.values():
        held.pop()
    taken.scene.world.remove(current)

    assert beyond_healing(taken) == [
        "the recorded credential was removed",
        "no version of db-password-0 holds the recorded credential",
        "no version of db-password-1 holds the recorded credential",
    ]


async def test_who_was_taken_over_is_refused_by_the_ledger_whatever_it_wants() -> None:
    contested = scene()
    sleeper = process(contested)
    while sleeper.stands_at != "before make":
        run(contested, sleeper, 1)
    run(contested, process(contested), 4)
    before = contested.rotation

    finish(sleeper)

    assert sleeper.running is None
    assert contested.rotation == before
    assert contested.rotation.state is State.CREATING
