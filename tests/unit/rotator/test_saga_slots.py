"""A key whose value can be read again is never made a second time because a process died."""

from random import Random

import pytest

from services.rotator.domain.state import ROLL_BACK_FROM, Signal, State
from tests.support.saga import disturb
from tests.support.saga.faults import CLOUDS, LEDGERS, Faults, faulty
from tests.support.saga.harness import Scene, process, run, scene, with_crashes
from tests.support.saga.promises import broken_promises, written_twice
from tests.support.saga.slots import WorldSlots, slots
from tests.support.saga.zombies import EFFECTS, Sleep, taken_over


def account() -> Scene:
    """Return a scene whose driver renews the second of two keys."""
    with_keys = scene()
    with_keys.make_driver = WorldSlots
    slots(with_keys.world)
    return with_keys


def length() -> int:
    undisturbed = account()
    return run(undisturbed, process(undisturbed))


def kept(worn: Scene) -> list[str]:
    renewed = sum(each.name == "key 2" for each in worn.world.credentials.values()) - 1
    return [*broken_promises(worn), *written_twice(worn), *["renewed again"] * (renewed != 1)]


def test_killed_at_any_instruction_it_renews_the_spare_key_once() -> None:
    cases = {point: with_crashes(account(), [point]) for point in range(1, length())}

    assert {point: said for point, each in cases.items() if (said := kept(each))} == {}


def test_killed_twice_it_renews_the_spare_key_once() -> None:
    random, most = Random(3), length()  # noqa: S311 - the same cases in every run
    cases = [(random.randint(1, most), random.randint(1, most)) for _ in range(150)]

    assert {case: said for case in cases if (said := kept(with_crashes(account(), case)))} == {}


def test_taken_over_anywhere_it_keeps_every_promise() -> None:
    random, most = Random(4), length()  # noqa: S311 - the same cases in every run
    cases = [(random.randint(1, most), random.randint(0, most + 20)) for _ in range(150)]

    for case in cases:
        taken = taken_over(*case, Sleep.QUARANTINED, account())
        assert kept(taken.scene) == [], case


def test_only_the_deadline_of_an_effect_keeps_a_late_renewal_from_what_is_in_use() -> None:
    watched = account()
    one = process(watched)
    renewal = next(
        point for point in range(1, length()) if run(watched, one, 1) and one.stands_at in EFFECTS
    )
    awake = range(0, length(), 3)

    def broken(sleep: Sleep) -> list[int]:
        cases = ((after, taken_over(renewal, after, sleep, account())) for after in awake)
        return [after for after, taken in cases if broken_promises(taken.scene)]

    assert broken(Sleep.QUARANTINED) == []
    assert broken(Sleep.WITHIN_THE_OVERLAP) != []


@pytest.mark.parametrize("kind", CLOUDS)
def test_an_error_of_any_call_costs_no_promise(kind: object) -> None:
    for call in range(1, 60):
        troubled = faulty(account(), Faults(clouds={call: kind}))  # type: ignore[dict-item]
        run(troubled, process(troubled))

        assert broken_promises(troubled) == [], call


@pytest.mark.parametrize("kind", LEDGERS)
def test_an_answer_that_the_ledger_did_not_give_costs_no_promise(kind: object) -> None:
    for call in range(1, 80):
        troubled = faulty(account(), Faults(ledger={call: kind}))  # type: ignore[dict-item]
        run(troubled, process(troubled))

        assert broken_promises(troubled) == [], call


def test_who_wants_the_former_key_back_gets_it() -> None:
    for point in range(15, 140, 5):
        probe = account()
        run(probe, process(probe), point)
        if probe.rotation.state not in ROLL_BACK_FROM:
            break
        asked = disturb.disturbed(account(), [(point, disturb.wish(Signal.ROLL_BACK))])

        assert asked.rotation.state is State.ROLLED_BACK
        assert broken_promises(asked, {State.ROLLED_BACK}) == []
