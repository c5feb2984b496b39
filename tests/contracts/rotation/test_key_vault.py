"""Key Vault behind `ports.Vault`: what Azure's refusals mean, and what is sent how often."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.rotator.adapters import paths
from services.rotator.adapters.key_vault import KeyVault
from services.rotator.ports import BusyError, DisabledError, Label, SoftDeletedError
from services.rotator.store.lease import EFFECT_SECONDS
from shared.clouds import SingleFlightCredential, open_session
from shared.clouds.errors import (
    AccessDeniedError,
    AlteredError,
    BlindnessError,
    CloudError,
    Denial,
    FirewalledError,
    ForeignHostError,
    NotFoundError,
    RejectedError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
    UnexpectedAnswerError,
)
from shared.errors import PermanentError, TransientError
from tests.support.clouds import Tokens, local_cloud
from tests.support.rotation import END, SandboxVaultRig, hits, label, made, marker, place

Ask = Callable[[SandboxVaultRig], Awaitable[object]]

IN_10_MINUTES = "a date in 10 minutes"


async def publish(rig: SandboxVaultRig) -> object:
    new = made()
    return await rig.vault.publish(rig.place, new, label(None, new, marker()))


async def current(rig: SandboxVaultRig) -> object:
    return await rig.vault.current(rig.place)


async def versions(rig: SandboxVaultRig) -> object:
    return await rig.vault.versions(rig.place)


def writes(rig: SandboxVaultRig) -> list[Any]:
    return [each for each in rig.control.log(method="PUT") if rig.place.name in each["path"]]


async def test_a_new_version_ends_with_its_credential_and_says_what_it_is(
    places: SandboxVaultRig,
) -> None:
    new = made(end=END + timedelta(microseconds=7))
    published = await places.vault.publish(
        places.place, new, label(None, new, marker(), "text/plain")
    )

    assert published.expires_on == END
    assert published.content_type == "text/plain"
    assert published.enabled
    assert published.created_on.tzinfo is UTC or published.created_on.utcoffset() == timedelta(0)


async def test_a_credential_without_an_end_makes_a_version_without_one(
    places: SandboxVaultRig,
) -> None:
    new = made(end=None)

    published = await places.vault.publish(places.place, new, label(None, new, marker()))

    assert published.expires_on is None


async def test_a_place_that_holds_nothing_is_told_from_one_that_cannot_be_looked_at(
    places: SandboxVaultRig,
) -> None:
    empty = places.new_place()

    assert await places.vault.current(empty) is None
    assert list(await places.vault.versions(empty)) == []
    new = made()
    published = await places.vault.publish(empty, new, label(None, new, marker()))
    found = await places.vault.current(empty)
    assert found
    assert found[0].id == published.id


@pytest.mark.parametrize("ask", [publish, current, versions])
async def test_a_soft_deleted_secret_is_neither_empty_nor_written_over(
    places: SandboxVaultRig, ask: Ask
) -> None:
    places.write(delete=True)

    with pytest.raises(SoftDeletedError, match="can still be recovered") as failed:
        await ask(places)

    assert "az keyvault secret recover" in failed.value.remedy
    assert places.place.name in str(failed.value)


async def test_whether_a_secret_was_deleted_is_not_guessed_when_it_cannot_be_seen(
    places: SandboxVaultRig,
) -> None:
    empty = places.new_place()

    with (
        places.control.fault(path="^/deletedsecrets/", status=403, code="ForbiddenByRbac"),
        pytest.raises(AccessDeniedError),
    ):
        await places.vault.current(empty)


async def test_a_404_that_is_not_about_the_secret_is_not_taken_for_an_empty_place(
    places: SandboxVaultRig,
) -> None:
    with (
        places.fault(status=404, code="VaultNotFound"),
        pytest.raises(NotFoundError),
    ):
        await places.vault.current(places.place)


async def test_a_disabled_newest_version_is_named_and_its_predecessor_is_not_taken_for_it(
    places: SandboxVaultRig,
) -> None:
    places.write(attributes={"enabled": False})

    with pytest.raises(DisabledError, match="is disabled"):
        await places.vault.current(places.place)
    [listed] = await places.vault.versions(places.place)
    assert not listed.enabled


async def test_of_parallel_writes_those_that_lost_say_that_nothing_was_changed(
    places: SandboxVaultRig,
) -> None:
    before = len(await places.vault.versions(places.place))

    results = await asyncio.gather(*(publish(places) for _ in range(5)), return_exceptions=True)

    lost = [each for each in results if isinstance(each, BaseException)]
    assert lost
    assert {type(each) for each in lost} == {BusyError}
    assert len(await places.vault.versions(places.place)) == before + len(results) - len(lost)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Conflict", BusyError),
        ("ObjectIsBeingRecovered", BusyError),
        ("ObjectIsBeingDeleted", BusyError),
        ("ObjectIsDeletedButRecoverable", SoftDeletedError),
    ],
)
async def test_each_kind_of_conflict_is_told_apart(
    places: SandboxVaultRig, code: str, kind: type[CloudError]
) -> None:
    with places.fault("PUT", status=409, code=code), pytest.raises(kind):
        await publish(places)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "17"}, 17.0, 17.0),
        ({"retry-after-ms": "2500"}, 2.5, 2.5),
        # Measured against the sandbox's own date, which a busy machine renews late.
        ({"Retry-After": IN_10_MINUTES}, 500.0, 700.0),
        ({"Retry-After": "999999"}, 3_600.0, 3_600.0),
        ({}, None, None),
    ],
    ids=["seconds", "milliseconds", "date", "huge", "absent"],
)
async def test_a_throttled_write_is_sent_once_and_hands_the_wait_on(
    places: SandboxVaultRig, headers: Mapping[str, str], least: float | None, most: float | None
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=10))
    sent = {name: later if text == IN_10_MINUTES else text for name, text in headers.items()}
    with places.fault("PUT", status=429, headers=sent) as number:
        with pytest.raises(ThrottledError) as failed:
            await publish(places)
        assert hits(places.control, number) == 1

    wait = failed.value.retry_after
    if least is None or most is None:
        assert wait is None
    else:
        assert wait is not None
        assert least <= wait <= most


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 500}, UnavailableError),
        ({"status": 503, "headers": {"Retry-After": "1"}}, UnavailableError),
        ({"status": 408}, UnavailableError),
        ({"reset": True}, UnavailableError),
        ({"status": 500, "after": True}, UnavailableError),
        ({"reset": True, "after": True}, UnavailableError),
        ({"spoil": "truncated"}, UnavailableError),
        ({"spoil": "short-length"}, CloudError),
        ({"spoil": "not-json"}, UnexpectedAnswerError),
        ({"spoil": "wrong-types"}, AlteredError),
    ],
    ids=str,
)
async def test_a_write_is_sent_once_whatever_becomes_of_its_answer(
    places: SandboxVaultRig, fault: dict[str, Any], kind: type[CloudError]
) -> None:
    before = len(await places.vault.versions(places.place))
    applied = bool(fault.get("after") or fault.get("spoil"))

    with places.fault("PUT", **fault) as number:
        with pytest.raises(kind):
            await publish(places)
        assert hits(places.control, number) == 1

    assert len(await places.vault.versions(places.place)) == before + applied


async def test_what_a_write_left_whose_answer_was_lost_is_found_by_its_tags(
    places: SandboxVaultRig,
) -> None:
    new, of = made(), marker()
    with places.fault("PUT", reset=True, after=True), pytest.raises(TransientError):
        await places.vault.publish(places.place, new, label(None, new, of))

    [found] = [v for v in await places.vault.versions(places.place) if v.is_of(of.rotation_id)]

    assert found.key_id == new.key_id
    assert (await places.vault.read(places.place, found)).reveal() == new.value.reveal()


async def test_a_write_that_gets_no_answer_ends_before_the_fence_does(
    places: SandboxVaultRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths.CHANGE_SECONDS < EFFECT_SECONDS
    monkeypatch.setattr(paths, "CHANGE_SECONDS", 0.3)

    with places.fault("PUT", hang=True), pytest.raises(TimedOutError):
        await publish(places)


async def test_reads_are_tried_again_where_that_may_help(
    places: SandboxVaultRig, waits: list[float]
) -> None:
    with places.fault("GET", status=503, count=2):
        found = await places.vault.current(places.place)

    assert found
    assert len(waits) == 2


@pytest.mark.parametrize("ask", [publish, current, versions])
async def test_who_may_not_is_told_the_role_for_rotating(places: SandboxVaultRig, ask: Ask) -> None:
    with (
        places.fault(status=403, code="ForbiddenByRbac"),
        pytest.raises(AccessDeniedError) as failed,
    ):
        await ask(places)

    assert failed.value.denial is Denial.ROLE
    assert "Key Vault Secrets Officer" in failed.value.remedy


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ({"status": 403, "code": "ForbiddenByFirewall"}, FirewalledError, "firewall"),
        ({"status": 403, "code": "AccessDenied"}, AccessDeniedError, "access policy"),
        ({"status": 401}, AccessDeniedError, "token"),
        (
            {"status": 403, "code": "Forbidden", "message": "Secret 'x' was disallowed by policy."},
            RejectedError,
            "Azure Policy",
        ),
        ({"status": 403, "code": "RequestDisallowedByPolicy"}, RejectedError, "Azure Policy"),
        ({"status": 400, "code": "BadParameter"}, UnexpectedAnswerError, "400"),
    ],
    ids=str,
)
async def test_each_refusal_of_a_write_is_told_apart(
    places: SandboxVaultRig, fault: dict[str, Any], kind: type[CloudError], words: str
) -> None:
    with places.fault("PUT", **fault), pytest.raises(kind, match=words) as failed:
        await publish(places)

    assert isinstance(failed.value, PermanentError)
    assert failed.value.remedy


async def test_a_certificates_own_secret_is_no_place(places: SandboxVaultRig) -> None:
    vault = places.control.vault(places.name)
    certificate = vault["certificates"][0]["id"].rsplit("/", 1)[1]
    new = made()

    with pytest.raises(RejectedError, match="belongs to the certificate"):
        await places.vault.publish(place(places.url, certificate), new, label(None, new, marker()))


async def test_more_tags_than_key_vault_holds_are_refused_before_anything_is_written(
    places: SandboxVaultRig,
) -> None:
    before = await places.vault.versions(places.place)
    tags = {f"tag-{number}": "canary-tag" for number in range(16)}
    places.control.clear_log()

    with pytest.raises(RejectedError, match=r"would have 16 tags.*at most 15") as failed:
        await places.vault.publish(places.place, made(), Label(tags=tags, content_type=None))

    assert failed.value.remedy == "Remove 1 of the secret's own tags."
    assert writes(places) == []
    assert list(await places.vault.versions(places.place)) == list(before)
    fifteen = Label(tags=dict(list(tags.items())[:15]), content_type=None)
    assert len((await places.vault.publish(places.place, made(), fifteen)).tags) == 15


async def test_a_vault_outside_the_cloud_gets_neither_token_nor_value(
    places: SandboxVaultRig,
) -> None:
    new = made()

    with pytest.raises(ForeignHostError):
        await places.vault.publish(
            place("https://kv.vault.example", "db"), new, label(None, new, marker())
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/secrets"),
        ("PATCH", "/secrets/db"),
        ("DELETE", "/secrets/db"),
        ("DELETE", "/deletedsecrets/db"),
        ("POST", "/deletedsecrets/db/recover"),
        ("GET", "/keys/db"),
        ("PUT", "/secrets/db/version"),
    ],
)
def test_what_rotating_never_sends_to_a_vault_is_stopped(method: str, path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.VAULT.check(method, f"https://kv.vault.azure.net{path}?api-version=7.6")


@pytest.mark.parametrize("ask", [publish, current, versions])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "message": "canary-echo"},
        {"status": 409, "message": "canary-echo"},
        {"status": 429, "headers": {"Retry-After": "3600"}},
        {"status": 500, "headers": {"Retry-After": "3600"}},
        {"spoil": "not-json"},
        {"spoil": "wrong-types"},
        {"spoil": "truncated"},
        {"reset": True},
        {},
    ],
    ids=str,
)
async def test_no_value_is_in_any_error_or_log(
    places: SandboxVaultRig, caplog: pytest.LogCaptureFixture, ask: Ask, fault: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    error: BaseException | None = None

    with places.fault(**(fault or {"latency_seconds": 0.001})):
        try:
            await ask(places)
        except CloudError as raised:
            error = raised

    assert "canary" not in caplog.text
    if error is not None:
        assert error.__cause__ is None
        assert error.__context__ is None
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert "canary" not in shown


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"tags": {"team": "canary-tag"}}, "its tags"),
        ({"contentType": "canary/type"}, "its content type"),
        ({"value": "canary-other"}, "its value"),
        ({"attributes": {"enabled": True, "exp": 4_000_000_000}}, "its end"),
        ({"attributes": {"enabled": False}}, "its end, that it is enabled"),
        ({"attributes": {"exp": int(END.timestamp()) - 1}}, "its end"),
    ],
    ids=str,
)
async def test_what_was_written_otherwise_than_it_was_sent_is_an_error_that_says_what(
    tmp_path: Path, changed: dict[str, Any], named: str
) -> None:
    """A proxy that changes what it passes on, for which the sandbox has no fault."""

    async def proxy(request: web.Request) -> web.StreamResponse:
        sent = await request.json()
        written = {"created": 1_700_000_000, "updated": 1_700_000_000, "enabled": True}
        bundle = sent | {"id": f"https://{request.host}/secrets/db/0123"} | changed
        return web.json_response(bundle | {"attributes": written | bundle["attributes"]})

    async with (
        local_cloud(tmp_path) as cloud,
        open_session(cloud.settings) as session,
        SingleFlightCredential(Tokens()) as credential,
    ):
        cloud.on("/secrets/db", proxy)
        where, new = place(cloud.vault().uri, "db"), made()
        with pytest.raises(AlteredError, match=named) as failed:
            await KeyVault(session, credential).publish(
                where, new, label(None, new, marker(), "text/plain")
            )

    assert "canary" not in f"{failed.value} {failed.value.remedy}"
