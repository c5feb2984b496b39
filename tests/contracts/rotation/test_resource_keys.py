"""Resource Manager and the data planes when they refuse, lose an answer, or are asked twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.rotator.adapters import Clouds, open_clouds, paths
from services.rotator.domain.application import TargetError
from services.rotator.ports import UNAPPLIED, BusyError, Made, Verdict
from shared.clouds.errors import (
    AccessDeniedError,
    BlindnessError,
    CloudError,
    FirewalledError,
    NotFoundError,
    RejectedError,
    ThrottledError,
    UnavailableError,
    UnexpectedAnswerError,
)
from shared.crypto import DataKey
from shared.errors import TransientError
from shared.keyed_resources import KEYED_TYPES, KeyedResource
from shared.secret_value import SecretValue
from tests.support.discovery import settings_for
from tests.support.keyed import Resource, resource
from tests.support.rotation import LIFETIME, hits, marker
from tests.support.sandbox import Sandbox, Way
from tests.support.two_keyed import KINDS, TYPES, SandboxTwoKeyRig, ids, recovered, renewed

Rig = SandboxTwoKeyRig
RENEW = "/regenerateKeys?$"
LIST = "/listKeys$"


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, clouds: Clouds, way: Way) -> Rig:
    return Rig(clouds.drivers[request.param], way, request.param)


@pytest.fixture
def storage(clouds: Clouds, way: Way) -> Rig:
    return Rig(clouds.drivers["storage_key"], way, "storage_key")


async def test_another_change_under_way_is_a_refusal_after_which_nothing_was_done(rig: Rig) -> None:
    before = await ids(rig)
    status = 412 if rig.kind == "cosmos_key" else 409

    with rig.fault(RENEW, status=status) as fault:
        with pytest.raises(BusyError) as busy:
            await rig.driver.make(rig.target, marker(), LIFETIME, before, before[0])
        assert hits(rig.control, fault) == 1, "a renewal is sent once"

    assert isinstance(busy.value, UNAPPLIED)
    assert await ids(rig) == before


async def test_two_that_renew_at_once_publish_nothing_that_does_not_work(rig: Rig) -> None:
    before = await ids(rig)

    async def one() -> Made | TransientError:
        try:
            return await rig.driver.make(rig.target, marker(), LIFETIME, before, before[0])
        except TransientError as error:
            return error

    ended = await asyncio.gather(one(), one())
    made = {each.key_id for each in ended if isinstance(each, Made)}

    assert made == {(await ids(rig))[1]}
    assert all(isinstance(each, Made | BusyError) for each in ended)


async def test_a_lock_is_not_waited_for(rig: Rig) -> None:
    before = await ids(rig)

    with (
        rig.fault(RENEW, status=409, code="ScopeLocked"),
        pytest.raises(RejectedError, match="lock"),
    ):
        await rig.driver.make(rig.target, marker(), LIFETIME, before, before[0])


async def test_being_asked_to_slow_down_costs_nothing_and_says_how_long(rig: Rig) -> None:
    before = await ids(rig)

    with (
        rig.fault(RENEW, status=429, headers={"Retry-After": "17"}),
        pytest.raises(ThrottledError) as slow,
    ):
        await rig.driver.remove(rig.target, before[0])

    assert slow.value.retry_after == 17
    assert await ids(rig) == before


async def test_a_failure_says_nothing_about_whether_it_was_done(rig: Rig) -> None:
    before = await ids(rig)

    with rig.fault(RENEW, status=503, after=True), pytest.raises(TransientError) as failed:
        await rig.driver.make(rig.target, marker(), LIFETIME, before, before[0])

    assert not isinstance(failed.value, UNAPPLIED)


async def test_whoever_has_no_role_is_told_which_one_is_missing(
    clouds: Clouds, way: Way, rig: Rig
) -> None:
    legacy = Rig(clouds.drivers[rig.kind], way, rig.kind, team="legacy")

    with pytest.raises(AccessDeniedError) as denied:
        await legacy.driver.look(legacy.target)

    assert "Assign the role" in denied.value.remedy
    assert "to the identity that rotates" in denied.value.remedy


async def test_a_resource_that_is_gone_is_named(rig: Rig) -> None:
    other = f"{rig.target}".replace(f"/{rig.parsed.name}", f"/{rig.parsed.name}x")

    with pytest.raises((NotFoundError, AccessDeniedError)) as gone:
        await rig.driver.look(other)

    assert f"{rig.parsed.name}x" in str(gone.value)


@pytest.mark.parametrize("in_use", [None, "key3:00", "key1:0000000000000000", ""])
async def test_where_the_key_in_use_is_not_known_nothing_is_renewed(
    rig: Rig, in_use: str | None
) -> None:
    before = await ids(rig)

    with pytest.raises(RejectedError, match="Nothing was renewed"):
        await rig.driver.make(rig.target, marker(), LIFETIME, before, in_use)

    assert await ids(rig) == before


async def test_another_secret_key_names_every_key_differently_and_renews_nothing(
    sandbox: Sandbox, storage: Rig
) -> None:
    before = await ids(storage)
    cloud = settings_for(sandbox, "rotate")
    async with open_clouds(cloud, fingerprints=DataKey(b"o" * 32)) as others:
        driver = others.drivers["storage_key"]
        named = (await driver.look(storage.target)).key_ids
        with pytest.raises(RejectedError):
            await driver.make(storage.target, marker(), LIFETIME, before, before[0])
        await driver.remove(storage.target, before[0])

    assert not set(named) & set(before)
    assert await ids(storage) == before


async def test_an_id_is_no_plain_hash_of_a_value(rig: Rig) -> None:
    import hashlib

    shown = " ".join(await ids(rig))
    for value in await rig.values():
        for name in ("md5", "sha1", "sha256", "sha512"):
            assert hashlib.new(name, value.encode()).hexdigest()[:16] not in shown


@pytest.mark.parametrize(
    "status", [403, 404, 400, 405], ids=["a firewall", "not there", "bad", "not allowed"]
)
async def test_a_refusal_that_says_nothing_about_the_key_is_unclear(rig: Rig, status: int) -> None:
    value = (await rig.values())[0]

    with rig.fault_of_use(status=status):
        tested = await rig.driver.test(rig.target, Made("key", SecretValue(value), None))

    assert tested.verdict is Verdict.UNCLEAR
    assert str(status) in tested.code


@pytest.mark.parametrize(("status", "kind"), [(429, ThrottledError), (503, UnavailableError)])
async def test_a_resource_that_fails_is_asked_again_later(
    rig: Rig, status: int, kind: type[CloudError]
) -> None:
    made = Made("key", SecretValue((await rig.values())[0]), None)

    with rig.fault_of_use(status=status, headers={"Retry-After": "9"}) as fault:
        with pytest.raises(kind) as failed:
            await rig.driver.test(rig.target, made)
        assert hits(rig.control, fault) == 1, "a test is sent once"

    assert failed.value.retry_after == 9


async def test_a_connection_that_breaks_is_no_verdict(rig: Rig) -> None:
    made = Made("key", SecretValue((await rig.values())[0]), None)

    with rig.fault_of_use(reset=True), pytest.raises(UnavailableError) as broken:
        await rig.driver.test(rig.target, made)

    assert made.value.reveal() not in f"{broken.value!r} {broken.value.__context__!r}"


@pytest.mark.parametrize("kind", ["service_bus_key", "event_hubs_key"])
async def test_a_rule_that_cannot_manage_is_refused_before_anything_is_renewed(
    clouds: Clouds, way: Way, kind: str
) -> None:
    rig = Rig(clouds.drivers[kind], way, kind)
    target = rig.target.replace("rootmanagesharedaccesskey", "send-only")

    standing = await rig.driver.look(target)

    assert "no right to manage" in (standing.refusal or "")


async def test_what_was_signed_with_a_key_is_warned_of(storage: Rig) -> None:
    (warning,) = (await storage.driver.look(storage.target)).warnings

    assert "shared access signatures" in warning


@pytest.mark.parametrize("spoil", ["not-json", "truncated"])
async def test_an_answer_that_is_no_list_of_keys_is_not_guessed(rig: Rig, spoil: str) -> None:
    with rig.fault(LIST, spoil=spoil), pytest.raises((UnexpectedAnswerError, TransientError)):
        await rig.driver.look(rig.target)


async def test_a_former_key_that_is_still_listed_is_not_taken_for_the_new_one(
    storage: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await ids(storage)

    async def accepted(*_: object) -> None: ...

    monkeypatch.setattr(storage.driver._keys, "renew", accepted)  # type: ignore[attr-defined]
    with pytest.raises(UnavailableError, match="former key is still listed") as early:
        await storage.driver.make(storage.target, marker(), LIFETIME, before, before[0])

    assert not isinstance(early.value, UNAPPLIED)


async def test_half_a_list_of_keys_is_not_taken_for_a_whole_one(
    storage: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = storage.driver._keys  # type: ignore[attr-defined]
    words = {"key1": ("key1", "key1"), "key2": ("key2", "key9")}
    monkeypatch.setattr(keys, "_row", replace(keys._row, words=words))

    with pytest.raises(UnexpectedAnswerError, match="both keys"):
        await storage.driver.look(storage.target)


async def test_a_change_that_goes_on_too_long_is_unknown_and_found_later(
    clouds: Clouds, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(clouds.drivers["cosmos_key"], way, "cosmos_key")
    before = await ids(rig)
    monkeypatch.setattr(paths, "CHANGE_SECONDS", 0.1)

    with pytest.raises(TransientError) as late:
        await rig.driver.make(rig.target, marker(), LIFETIME, before, before[0])
    monkeypatch.undo()
    found = await recovered(rig, before)

    assert not isinstance(late.value, UNAPPLIED)
    assert found.key_id == (await ids(rig))[1]


def test_nothing_but_keys_is_asked_of_resources() -> None:
    account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
    paths.RESOURCES.check("POST", f"https://arm.test{account}/listKeys?api-version=1")

    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/failover"), ("PUT", "/listKeys")):
        with pytest.raises(BlindnessError):
            paths.RESOURCES.check(method, f"https://arm.test{account}{path}")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("/providers/", "/provider/"),
        lambda text: text + "/blobServices/default",
        lambda text: text.replace("storageaccounts", "redis").replace(".storage", ".cache"),
        lambda text: text.replace("/subscriptions/", "/subscriptions/not-a-guid"),
        lambda _: "",
    ],
)
async def test_a_target_of_another_form_is_refused_with_a_sentence(
    storage: Rig, change: Callable[[str], str]
) -> None:
    with pytest.raises(TargetError, match="is not the id of a resource"):
        await storage.driver.look(change(storage.target))


def test_keys_of_a_cache_are_not_offered_since_no_request_proves_them(way: Way) -> None:
    cache: Resource = resource(way, "Microsoft.Cache/redis")

    assert KeyedResource.parse(str(cache.shown["id"])) is None
    assert {row.kind for row in KEYED_TYPES.values()} == set(TYPES)


async def test_the_firewall_of_resource_manager_is_told_apart(rig: Rig) -> None:
    with rig.fault(LIST, status=403, code="ForbiddenByFirewall"), pytest.raises(FirewalledError):
        await rig.driver.look(rig.target)


async def test_a_renewed_key_is_never_in_an_error(rig: Rig) -> None:
    made = await renewed(rig)
    with rig.fault(RENEW, status=400, message=made.value.reveal()), pytest.raises(CloudError) as no:
        await rig.driver.remove(rig.target, made.key_id)

    assert made.value.reveal() not in f"{no.value!r} {no.value} {no.value.remedy}"
