"""A rotation of a key in a slot is killed anywhere, and never ends a key that somebody reads."""

from dataclasses import replace
from random import Random

import pytest

from services.rotator.domain.state import Signal, State
from tests.support.saga.harness import ROTATION_ID, Scene, process, run, wait_until, with_crashes
from tests.support.saga.two_keys import (
    OLD,
    Sleep,
    TwoKeyDriver,
    TwoKeyWorld,
    broken,
    taken_over,
    two_key_scene,
)


def length() -> int:
    undisturbed = two_key_scene()
    return run(undisturbed, process(undisturbed))


def world_of(scene: Scene) -> TwoKeyWorld:
    assert isinstance(scene.world, TwoKeyWorld)
    return scene.world


def reach(scene: Scene, state: State) -> None:
    """Let a process work until the rotation is in a state, and let it die there."""
    worker = process(scene)
    while scene.rotation.state is not state:
        run(scene, worker, 1)
    worker.kill()


def test_an_undisturbed_rotation_renews_each_key_once_and_the_one_in_use_last() -> None:
    undisturbed = two_key_scene()

    run(undisturbed, process(undisturbed))

    assert broken(undisturbed) == []
    assert world_of(undisturbed).renewals == 2
    assert world_of(undisturbed).stands["key2"] == undisturbed.book.current


def test_killed_once_at_any_instruction_it_keeps_every_promise_and_renews_nothing_twice() -> None:
    cases = {point: with_crashes(two_key_scene(), [point]) for point in range(1, length())}

    assert len(cases) > 100
    assert {point: said for point, each in cases.items() if (said := broken(each))} == {}
    assert {world_of(each).renewals for each in cases.values()} == {2}
    assert {each.rotation.attempt for each in cases.values()} == {1, 2}


def test_killed_twice_or_thrice_it_keeps_every_promise() -> None:
    random, most = Random(20260301), length()  # noqa: S311 - the same cases in every run
    cases = [[random.randint(1, most) for _ in range(2 + n % 2)] for n in range(300)]

    worn = {str(case): with_crashes(two_key_scene(), case) for case in cases}

    assert {case: said for case, each in worn.items() if (said := broken(each))} == {}


@pytest.mark.parametrize("sleep", list(Sleep))
def test_taken_over_at_any_instruction_it_is_completed(sleep: Sleep) -> None:
    """Only who sleeps between the last look and the renewal, and longer than that may take, harms.

    Resource Manager has no conditional renewal, so nothing but the deadline stands between those.
    """
    random, most = Random(7), length()  # noqa: S311 - the same cases in every run
    cases = [(random.randint(1, most), random.randint(0, most + 20)) for _ in range(150)]
    cases += [(point, after) for point in range(26, 34) for after in range(0, most + 40, 9)]

    taken = {case: taken_over(*case, sleep) for case in cases}
    harmed = [each for each in taken.values() if broken(each.scene)]

    # Whoever renews it while it is being proven ends the proof, and then the old one stays.
    safe = {State.COMPLETED} | ({State.ABANDONED} if sleep is Sleep.ENDLESS else set())
    assert {each.scene.rotation.state for each in taken.values()} <= safe
    if sleep is Sleep.QUARANTINED:
        assert harmed == []
    else:
        assert harmed
        assert all(each.slept_while_making for each in harmed)


@pytest.mark.parametrize("state", [State.SYNCING, State.OVERLAP, State.RETIRING])
def test_a_published_key_that_somebody_renews_is_published_anew(state: State) -> None:
    disturbed = two_key_scene()
    reach(disturbed, state)
    world = world_of(disturbed)
    world.renew("key2")

    run(disturbed, process(disturbed))

    assert disturbed.rotation.state is State.COMPLETED
    assert disturbed.book.current == world.stands["key2"]
    held = {name: stored[-1].value for name, stored in world.places.items()}
    assert set(held.values()) == {f"value of {world.stands['key2']}"}


@pytest.mark.parametrize("state", [State.CREATED, State.VERIFIED])
def test_a_key_that_somebody_renews_before_it_is_published_is_read_again(state: State) -> None:
    disturbed = two_key_scene()
    worker = process(disturbed)
    while disturbed.rotation.state is not state:
        run(disturbed, worker, 1)
    world_of(disturbed).renew("key2")

    run(disturbed, worker)

    assert broken(disturbed) == []
    assert disturbed.rotation.state is State.COMPLETED
    assert disturbed.rotation.attempt == 1


def test_a_key_that_was_renewed_by_somebody_is_tried_once_and_then_read_again() -> None:
    disturbed = two_key_scene()
    worker = process(disturbed)
    while disturbed.rotation.state is not State.CREATED:
        run(disturbed, worker, 1)
    world, before = world_of(disturbed), disturbed.world.tests
    world.renew("key2")

    while disturbed.rotation.state is State.CREATED:
        run(disturbed, worker, 1)

    assert disturbed.rotation.state is State.CREATING
    assert world.tests - before == 1


def test_a_rotation_is_not_completed_with_a_published_key_that_somebody_renewed() -> None:
    disturbed = two_key_scene()
    reach(disturbed, State.RETIRING)
    world = world_of(disturbed)
    world.renew("key1")
    world.renew("key2")

    run(disturbed, process(disturbed))

    assert disturbed.rotation.state is State.COMPLETED
    assert disturbed.book.current == world.stands["key2"]
    held = {stored[-1].value for stored in world.places.values()}
    assert held == {f"value of {world.stands['key2']}"}


def test_a_place_that_was_left_with_a_key_that_opens_nothing_gets_another_one() -> None:
    left = two_key_scene()
    reach(left, State.CREATING)
    world, row = world_of(left), left.book.rows[ROTATION_ID]
    row.rotation = replace(row.rotation, attempt=1, before=tuple(world.stands.values()))
    tags = {"cc-rotation": str(ROTATION_ID), "cc-attempt": "1", "cc-key-id": "k9"}
    world.put("db-password-0", "value of k9", tags)

    run(left, process(left))

    assert left.rotation.state is State.COMPLETED
    assert world.places["db-password-0"][-1].value == f"value of {world.stands['key2']}"


def test_a_place_that_holds_the_other_key_keeps_it_alive() -> None:
    mistaken = two_key_scene()
    world = world_of(mistaken)
    other = world.stands["key2"]
    world.put("db-password-1", f"value of {other}", {})

    run(mistaken, process(mistaken))

    assert mistaken.rotation.state is State.ABANDONED
    assert "holds the other key" in (mistaken.rotation.reason or "")
    assert world.renewals == 0
    assert world.broken == []


def test_a_place_that_holds_more_than_the_key_is_not_overwritten_with_a_bare_one() -> None:
    mistaken = two_key_scene()
    world_of(mistaken).places["db-password-0"][-1].value = "AccountKey=value of k1;"

    run(mistaken, process(mistaken))

    assert mistaken.rotation.state is State.ABANDONED
    assert "connection string" in (mistaken.rotation.reason or "")
    assert world_of(mistaken).renewals == 0


def test_a_place_that_was_given_the_other_key_during_a_pause_keeps_it_alive() -> None:
    paused = two_key_scene()
    reach(paused, State.CREATING)
    world = world_of(paused)
    world.put("db-password-0", f"value of {world.stands['key2']}", {})

    run(paused, process(paused))

    assert paused.rotation.state is State.CONFLICT
    assert world.renewals == 0


def test_a_place_whose_value_was_swapped_under_its_version_keeps_it_alive() -> None:
    swapped = two_key_scene()
    reach(swapped, State.CREATING)
    world = world_of(swapped)
    world.places["db-password-0"][-1].value = f"value of {world.stands['key2']}"

    run(swapped, process(swapped))

    assert swapped.rotation.state is State.ABANDONED
    assert world.renewals == 0


def test_where_the_key_in_use_was_renewed_meanwhile_nothing_is_renewed() -> None:
    disturbed = two_key_scene()
    reach(disturbed, State.CREATING)
    world_of(disturbed).renew("key1")

    run(disturbed, process(disturbed))

    assert disturbed.rotation.state is State.ABANDONED
    assert "was renewed by somebody else" in (disturbed.rotation.reason or "")
    assert world_of(disturbed).renewals == 1


def test_a_lost_attempt_is_not_taken_up_where_keys_have_other_names_by_now() -> None:
    renamed = two_key_scene()
    worker = process(renamed)
    while not world_of(renamed).renewals:
        run(renamed, worker, 1)
    worker.kill()
    row = renamed.book.rows[ROTATION_ID]
    row.rotation = replace(row.rotation, old_key_id="k99")

    run(renamed, process(renamed))

    assert renamed.rotation.state is State.ABANDONED
    assert "SECRET_KEY" in (renamed.rotation.reason or "")


def test_where_the_places_hold_the_key_by_another_name_a_person_is_asked() -> None:
    renamed = two_key_scene()
    reach(renamed, State.SYNCING)
    row = renamed.book.rows[ROTATION_ID]
    row.rotation = replace(row.rotation, new_key_id="k99")
    for stored in world_of(renamed).places.values():
        stored[-1].version.tags["cc-key-id"] = "k99"  # type: ignore[index]

    run(renamed, process(renamed))

    assert renamed.rotation.state is State.FAILED
    assert "k99" in (renamed.rotation.reason or "")
    assert world_of(renamed).stands["key1"] == OLD


def test_a_renewed_key_that_does_not_work_leaves_the_old_one_alive() -> None:
    disturbed = two_key_scene()
    reach(disturbed, State.OVERLAP)
    world = world_of(disturbed)
    world.credentials[world.renew("key2")].born = 1e12

    run(disturbed, process(disturbed))

    assert disturbed.rotation.state is State.FAILED
    assert world.stands["key1"] == OLD


def test_rolled_back_the_new_key_ends_when_nobody_can_hold_it() -> None:
    regretted = two_key_scene()
    reach(regretted, State.OVERLAP)
    world = world_of(regretted)
    new = world.stands["key2"]
    row = regretted.book.rows[ROTATION_ID]
    row.rotation = replace(row.rotation, wanted=Signal.ROLL_BACK)
    wait_until(regretted, world.now)

    run(regretted, process(regretted))

    assert regretted.rotation.state is State.ROLLED_BACK
    assert world.stands["key1"] == OLD
    assert new not in world.stands.values()
    assert world.broken == []


async def test_the_driver_of_the_simulated_world_says_what_such_keys_can_do() -> None:
    capabilities = TwoKeyDriver(two_key_scene().world).capabilities

    assert (capabilities.recoverable, capabilities.additive) == (True, False)
