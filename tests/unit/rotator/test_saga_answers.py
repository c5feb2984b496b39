"""What a target or a place answers that decides how a rotation goes on."""

from dataclasses import dataclass, replace
from datetime import timedelta

from services.rotator import ports
from services.rotator.domain.marker import tags_of
from services.rotator.domain.state import State
from services.rotator.ports import Made, Standing, Verdict
from shared.events import RotationPublished
from tests.support.saga.disturb import write_of
from tests.support.saga.harness import Scene, process, run, scene
from tests.support.saga.memory import WorldDriver
from tests.support.saga.promises import OLD, STOPPED, broken_promises
from tests.support.saga.world import World


@dataclass
class Answering(WorldDriver):
    """A driver whose target says something of its own."""

    refusal: str | None = None
    longest: timedelta | None = None
    unclear_from: int | None = None

    async def look(self, target: str) -> Standing:
        standing = await super().look(target)
        return replace(standing, refusal=self.refusal, longest=self.longest)

    async def test(self, target: str, made: Made) -> ports.Tested:
        tested = await super().test(target, made)
        late = self.unclear_from is not None and self.world.tests >= self.unclear_from
        return ports.Tested(Verdict.UNCLEAR, "AADSTS53003") if late else tested


def answering(**said: object) -> Scene:
    def driver(world: World) -> WorldDriver:
        return Answering(world, **said)  # type: ignore[arg-type]

    answered = scene()
    answered.make_driver = driver
    run(answered, process(answered))
    return answered


def test_a_target_that_accepts_no_credential_is_left_alone() -> None:
    refused = answering(refusal="A policy of the tenant forbids secrets.")

    assert refused.rotation.state is State.ABANDONED
    assert refused.rotation.reason == "A policy of the tenant forbids secrets."
    assert refused.world.marked() == set()
    assert broken_promises(refused, STOPPED) == []


def test_a_credential_lives_no_longer_than_its_target_accepts() -> None:
    assert answering(longest=timedelta(days=30)).rotation.lifetime == timedelta(days=30)
    assert answering(longest=timedelta(days=900)).rotation.lifetime == timedelta(days=104)


def test_a_refusal_that_says_nothing_about_the_credential_ends_it_before_anything_changed() -> None:
    unclear = answering(unclear_from=1)

    assert unclear.rotation.state is State.ABANDONED
    assert "refused with AADSTS53003" in (unclear.rotation.reason or "")
    assert broken_promises(unclear, STOPPED) == []


def test_while_it_is_unclear_whether_the_new_one_works_the_old_one_stays() -> None:
    unclear = answering(unclear_from=7)

    assert unclear.rotation.state is State.FAILED
    assert unclear.world.alive(OLD)
    assert "could not be seen (AADSTS53003)" in (unclear.rotation.reason or "")
    assert broken_promises(unclear, STOPPED) == []


def published_by_a_sleeper(works: bool) -> Scene:
    """Return a scene in which another attempt's credential came to one place after ours."""
    contested = scene()
    one = process(contested)
    while contested.rotation.state is not State.PUBLISHED:
        run(contested, one, 1)
    world, rotation = contested.world, contested.rotation
    world.makes_broken = not works
    key_id = world.add(str(replace(rotation.marker, attempt=4)), born=-1e6)
    world.put("db-password-1", f"value of {key_id}", tags_of(rotation.marker, key_id, {}))
    return contested


def test_a_late_write_of_a_sleeper_is_replaced_by_what_was_recorded() -> None:
    contested = published_by_a_sleeper(works=True)
    recorded = contested.rotation.new_key_id

    run(contested, process(contested))

    assert contested.rotation.new_key_id == recorded
    assert broken_promises(contested) == []


def test_every_place_gets_the_sleepers_credential_if_only_that_one_works() -> None:
    contested = published_by_a_sleeper(works=True)
    lost = contested.rotation.new_key_id or ""
    contested.world.credentials[lost].died = contested.world.now

    run(contested, process(contested))

    newest = {held[-1].value for held in contested.world.places.values()}
    assert newest == {f"value of {contested.rotation.new_key_id}"}
    assert contested.rotation.new_key_id != lost
    assert contested.rotation.state is State.COMPLETED


def test_if_no_place_holds_one_that_works_the_old_one_stays() -> None:
    contested = published_by_a_sleeper(works=False)
    contested.world.credentials[contested.rotation.new_key_id or ""].died = contested.world.now

    run(contested, process(contested))

    assert contested.rotation.state is State.FAILED
    assert contested.world.alive(OLD)
    assert "No place holds a credential" in (contested.rotation.reason or "")


def test_a_late_write_during_the_overlap_is_repaired_before_the_old_one_goes() -> None:
    contested = scene()
    one = process(contested)
    while contested.rotation.state is not State.OVERLAP:
        run(contested, one, 1)
    world, rotation = contested.world, contested.rotation
    key_id = world.add(str(replace(rotation.marker, attempt=4)), born=-1e6)
    world.put("db-password-0", f"value of {key_id}", tags_of(rotation.marker, key_id, {}))

    run(contested, one)

    assert contested.rotation.new_key_id == rotation.new_key_id
    assert broken_promises(contested) == []


def test_what_was_united_right_before_a_process_died_is_noted_and_told() -> None:
    contested = published_by_a_sleeper(works=True)
    one = process(contested)
    while one.stands_at != "after publish":
        run(contested, one, 1)
    one.kill()

    run(contested, process(contested))

    newest = contested.world.places["db-password-1"][-1].version.id
    assert contested.rotation.places[1].new_version == newest
    assert newest in {
        event.version for event in contested.book.events if isinstance(event, RotationPublished)
    }
    assert broken_promises(contested) == []


def test_a_version_that_a_sleeper_covered_during_the_overlap_is_found_before_the_old_one_goes() -> (
    None
):
    contested = scene()
    one = process(contested)
    while contested.rotation.state is not State.OVERLAP:
        run(contested, one, 1)
    world, rotation = contested.world, contested.rotation
    key_id = rotation.new_key_id or ""
    write_of("value of k2")(contested, one)
    world.put("db-password-0", f"value of {key_id}", tags_of(rotation.marker, key_id, {}))

    run(contested, one)

    assert contested.rotation.state is State.CONFLICT
    assert world.alive(OLD)
