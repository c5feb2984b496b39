"""What every driver of resources with two keys promises, in the simulated world and in Azure's."""

import pytest

from services.rotator.adapters import Clouds
from services.rotator.ports import Made, Verdict
from shared.secret_value import SecretValue
from tests.support.rotation import LIFETIME, marker
from tests.support.sandbox import Way
from tests.support.two_keyed import (
    KINDS,
    SandboxTwoKeyRig,
    TwoKeyRig,
    WorldTwoKeyRig,
    ids,
    recovered,
    renewed,
)


@pytest.fixture(params=["world", *KINDS])
def rig(request: pytest.FixtureRequest, clouds: Clouds, way: Way) -> TwoKeyRig:
    if request.param == "world":
        return WorldTwoKeyRig()
    return SandboxTwoKeyRig(clouds.drivers[request.param], way, request.param)


async def test_each_key_has_an_id_that_names_its_slot_and_its_value(rig: TwoKeyRig) -> None:
    first, again = await rig.driver.look(rig.target), await rig.driver.look(rig.target)

    assert first == again
    assert first.has_slots
    assert len(set(first.key_ids)) == 2
    assert [first.named(each.slot) for each in first.credentials] == list(first.key_ids)
    assert first.refusal is None


async def test_only_the_key_that_is_not_in_use_is_renewed(rig: TwoKeyRig) -> None:
    before, values = await ids(rig), await rig.values()

    made = await renewed(rig)
    after = await ids(rig)

    assert after == (before[0], made.key_id)
    assert made.key_id not in before
    assert await rig.values() == (values[0], made.value.reveal())
    assert made.value.reveal() not in values


async def test_the_renewed_key_works_beside_the_one_in_use_and_its_former_one_does_not(
    rig: TwoKeyRig,
) -> None:
    before, values = await ids(rig), await rig.values()

    made = await renewed(rig)
    await rig.wait()
    used = [
        await rig.driver.test(rig.target, each)
        for each in (made, _made(before[0], values[0]), _made(before[1], values[1]))
    ]

    assert [each.verdict for each in used] == [Verdict.WORKS, Verdict.WORKS, Verdict.NOT_YET]


@pytest.mark.parametrize("value", ["bm8ga2V5", "canary with spaces", "0" * 32, "größe"])
async def test_what_is_no_key_of_the_resource_does_not_work(rig: TwoKeyRig, value: str) -> None:
    tested = await rig.driver.test(rig.target, _made("key1", value))

    assert tested.verdict is Verdict.NOT_YET
    assert value not in repr(tested)


async def test_what_somebody_else_renewed_meanwhile_is_taken_and_not_renewed_again(
    rig: TwoKeyRig,
) -> None:
    before = await ids(rig)
    first = await rig.driver.make(rig.target, marker(1), LIFETIME, before, before[0])

    late = await rig.driver.make(rig.target, marker(2), LIFETIME, before, before[0])

    assert late.key_id == first.key_id
    assert late.value.reveal() == first.value.reveal()


async def test_a_renewal_whose_answer_was_lost_is_read_again(rig: TwoKeyRig) -> None:
    before = await ids(rig)
    assert await rig.driver.recover(rig.target, before, before[0]) is None

    await rig.make_and_lose(before, before[0])
    await rig.wait()
    found = await recovered(rig, before)

    assert found.key_id in await ids(rig)
    assert (await rig.driver.test(rig.target, found)).verdict is Verdict.WORKS


async def test_retiring_a_key_ends_it_and_leaves_the_other_one(rig: TwoKeyRig) -> None:
    before, values = await ids(rig), await rig.values()
    made = await renewed(rig)
    await rig.wait()

    await rig.driver.remove(rig.target, before[0])
    after = await ids(rig)

    assert before[0] not in after
    assert made.key_id in after
    gone = await rig.driver.test(rig.target, _made(before[0], values[0]))
    left = await rig.driver.test(rig.target, made)
    assert (gone.verdict, left.verdict) == (Verdict.NOT_YET, Verdict.WORKS)


async def test_a_slot_that_holds_another_key_by_now_is_left_alone(rig: TwoKeyRig) -> None:
    before = await ids(rig)
    await rig.driver.remove(rig.target, before[0])
    once = await ids(rig)

    await rig.driver.remove(rig.target, before[0])

    assert await ids(rig) == once


async def test_whose_value_something_is_can_be_told(rig: TwoKeyRig) -> None:
    before, values = await ids(rig), await rig.values()

    told = [await rig.driver.identify(rig.target, SecretValue(each)) for each in values]
    other = await rig.driver.identify(rig.target, SecretValue("canary"))

    assert tuple(told) == before
    assert other is None


async def test_nothing_that_is_returned_shows_a_value(rig: TwoKeyRig) -> None:
    made = await renewed(rig)
    standing = await rig.driver.look(rig.target)
    tested = await rig.driver.test(rig.target, made)

    shown = f"{made!r} {made} {tested!r} {standing!r} {rig.driver!r}"
    assert not any(value in shown for value in await rig.values())


def _made(key_id: str, value: str) -> Made:
    return Made(key_id, SecretValue(value), None)
