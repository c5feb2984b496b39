"""What every implementation of `ports.Vault` promises."""

from services.rotator.domain.marker import ATTEMPT, KEY_ID, ROTATION
from tests.support.rotation import FOREIGN, VaultRig, label, made, marker


async def test_what_is_published_is_what_everybody_reads_from_then_on(vaults: VaultRig) -> None:
    new, of = made(), marker()

    published = await vaults.vault.publish(vaults.place, new, label(None, new, of))
    current = await vaults.vault.current(vaults.place)

    assert current
    version, value = current
    assert version.id == published.id
    assert value.reveal() == new.value.reveal()
    assert version.key_id == new.key_id
    assert version.is_of(of.rotation_id)
    assert version.attempt == of.attempt


async def test_the_predecessors_value_can_still_be_read_by_its_version(vaults: VaultRig) -> None:
    before = await vaults.vault.current(vaults.place)
    assert before
    new = made()

    await vaults.vault.publish(vaults.place, new, label(before[0], new, marker()))
    former = await vaults.vault.read(vaults.place, before[0])

    assert former.reveal() == before[1].reveal() == vaults.first_value


async def test_every_version_is_listed_and_none_is_younger_than_those_after_it(
    vaults: VaultRig,
) -> None:
    first = await vaults.vault.current(vaults.place)
    new, other = made("key-1"), made("key-2", "canary-other")

    second = await vaults.vault.publish(vaults.place, new, label(None, new, marker(1)))
    third = await vaults.vault.publish(vaults.place, other, label(None, other, marker(2)))
    listed = await vaults.vault.versions(vaults.place)

    assert first
    assert {each.id for each in listed} == {first[0].id, second.id, third.id}
    times = [each.created_on for each in listed]
    assert times == sorted(times)
    by_id = {each.id: each for each in listed}
    assert by_id[third.id].key_id == "key-2"
    assert by_id[third.id].tags == third.tags


async def test_tags_of_others_survive_one_rotation_after_the_other(vaults: VaultRig) -> None:
    before = await vaults.vault.current(vaults.place)
    assert before
    new, other, first, second = made("key-1"), made("key-2"), marker(), marker(3)

    published = await vaults.vault.publish(vaults.place, new, label(before[0], new, first))
    await vaults.vault.publish(vaults.place, other, label(published, other, second))
    current = await vaults.vault.current(vaults.place)

    assert current
    assert current[0].tags == FOREIGN | {
        ROTATION: str(second.rotation_id),
        ATTEMPT: "3",
        KEY_ID: "key-2",
    }


async def test_nothing_that_is_returned_shows_a_value(vaults: VaultRig) -> None:
    new = made()

    published = await vaults.vault.publish(vaults.place, new, label(None, new, marker()))
    current = await vaults.vault.current(vaults.place)
    read = await vaults.vault.read(vaults.place, published)
    listed = await vaults.vault.versions(vaults.place)

    shown = f"{published!r} {current!r} {read!r} {read} {listed!r} {new!r} {current}"
    assert "canary" not in shown
    assert "value of" not in shown
