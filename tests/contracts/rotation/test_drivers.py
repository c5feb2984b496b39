"""What every implementation of `ports.Driver` promises of credentials that are shown once."""

from services.rotator.domain.marker import Marker
from services.rotator.ports import Made, Verdict
from shared.secret_value import SecretValue
from tests.support.rotation import DriverRig, marker


async def markers(rig: DriverRig) -> dict[str, Marker | None]:
    standing = await rig.driver.look(rig.target)
    return {each.key_id: each.marker for each in standing.credentials}


async def test_a_new_credential_carries_its_marker_and_stands_beside_the_others(
    drivers: DriverRig,
) -> None:
    attempt = marker(3)

    made = await drivers.make(attempt)
    found = await markers(drivers)

    assert found[made.key_id] == attempt
    assert drivers.foreign <= found.keys()
    assert not any(found[key_id] == attempt for key_id in drivers.foreign)


async def test_a_new_credential_works_when_everybody_has_heard_of_it(drivers: DriverRig) -> None:
    made = await drivers.make(marker())
    early = await drivers.driver.test(drivers.target, made)

    await drivers.wait()
    late = [await drivers.driver.test(drivers.target, made) for _ in range(3)]

    assert early.verdict is Verdict.NOT_YET
    assert {each.verdict for each in late} == {Verdict.WORKS}


async def test_a_value_that_is_not_the_credentials_does_not_work(drivers: DriverRig) -> None:
    made = await drivers.make(marker())
    await drivers.wait()

    other = Made(made.key_id, SecretValue("canary-other"), made.expires_on)
    tested = await drivers.driver.test(drivers.target, other)

    assert tested.verdict is Verdict.NOT_YET


async def test_only_the_removed_credential_goes(drivers: DriverRig) -> None:
    first, second = await drivers.make(marker(1)), await drivers.make(marker(2))
    await drivers.wait()

    await drivers.driver.remove(drivers.target, first.key_id)
    await drivers.wait()
    found = await markers(drivers)

    assert first.key_id not in found
    assert found.keys() >= drivers.foreign | {second.key_id}
    gone = await drivers.driver.test(drivers.target, first)
    left = await drivers.driver.test(drivers.target, second)
    assert (gone.verdict, left.verdict) == (Verdict.NOT_YET, Verdict.WORKS)


async def test_removing_what_is_gone_already_is_fine(drivers: DriverRig) -> None:
    made = await drivers.make(marker())

    await drivers.driver.remove(drivers.target, made.key_id)
    await drivers.driver.remove(drivers.target, made.key_id)

    assert made.key_id not in await markers(drivers)


async def test_a_credential_whose_answer_was_lost_is_found_by_its_marker(
    drivers: DriverRig,
) -> None:
    attempt = marker(2)

    await drivers.make_and_lose(attempt)
    found = [key_id for key_id, each in (await markers(drivers)).items() if each == attempt]

    assert len(found) == 1
    await drivers.driver.remove(drivers.target, found[0])
    assert attempt not in (await markers(drivers)).values()


async def test_a_lost_value_is_not_to_be_had_again(drivers: DriverRig) -> None:
    await drivers.make_and_lose(marker())

    assert not drivers.driver.capabilities.recoverable
    assert await drivers.driver.recover(drivers.target, (), None) is None


async def test_nothing_that_is_returned_shows_a_value(drivers: DriverRig) -> None:
    made = await drivers.make(marker())
    tested = await drivers.driver.test(drivers.target, made)
    standing = await drivers.driver.look(drivers.target)

    shown = f"{made!r} {made} {tested!r} {standing!r} {standing}"
    assert made.value.reveal() not in shown
