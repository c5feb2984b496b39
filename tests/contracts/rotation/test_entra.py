"""Entra's client secrets behind `ports.Driver`: what is sent how often, and what answers mean."""

import asyncio
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from services.rotator import ports
from services.rotator.adapters import DRIVERS, Clouds, open_clouds, paths
from services.rotator.domain.application import TargetError
from services.rotator.domain.credential_policy import MOST_CREDENTIALS
from services.rotator.ports import UNAPPLIED, BusyError, Made, Verdict
from shared.clouds.errors import (
    AccessDeniedError,
    BlindnessError,
    CloudError,
    Denial,
    NotFoundError,
    RejectedError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
    UnexpectedAnswerError,
)
from shared.errors import PermanentError
from tests.support.discovery import settings_for
from tests.support.rotation import FINGERPRINTS, LIFETIME, SandboxDriverRig, hits, marker
from tests.support.sandbox import Sandbox
from tests.support.two_keyed import KINDS

ADD, REMOVE = "addPassword$", "removePassword$"
GUID = "00000000-0000-4000-8000-000000000000"

IN_50_MINUTES = "a date in 50 minutes"


def asked_for_tokens(rig: SandboxDriverRig) -> list[Any]:
    return [each for each in rig.control.log(method="POST") if "/oauth2/" in each["path"]]


async def working(rig: SandboxDriverRig) -> Made:
    made = await rig.make(marker())
    await rig.wait()
    return made


def test_there_is_a_driver_for_client_secrets(clouds: Clouds) -> None:
    assert clouds.drivers.keys() == DRIVERS.keys() == {"entra-app-secret", *KINDS}
    capabilities = clouds.drivers["entra-app-secret"].capabilities
    assert not capabilities.recoverable
    assert capabilities.additive
    assert capabilities.tests_before_publishing


async def test_a_new_secret_lasts_as_long_as_was_asked(entra: SandboxDriverRig) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    made = await entra.make(marker())
    standing = await entra.driver.look(entra.target)

    [held] = [each for each in standing.credentials if each.key_id == made.key_id]
    assert made.expires_on == held.expires_on
    assert made.expires_on
    assert before + LIFETIME <= made.expires_on <= datetime.now(UTC) + LIFETIME


async def test_of_parallel_writes_those_that_lost_say_that_nothing_was_changed(
    entra: SandboxDriverRig,
) -> None:
    attempts = [marker(number) for number in range(5)]

    results = await asyncio.gather(*map(entra.make, attempts), return_exceptions=True)
    standing = await entra.driver.look(entra.target)

    lost = [each for each in results if isinstance(each, BaseException)]
    assert lost
    assert {type(each) for each in lost} == {BusyError}
    found = {each.marker for each in standing.credentials} & set(attempts)
    assert len(found) == len(results) - len(lost)


LOST = [
    ({"status": 409, "code": "Directory_ConcurrencyViolation"}, BusyError),
    ({"status": 400, "message": "Error due to concurrent requests being made."}, BusyError),
    ({"status": 429, "headers": {"Retry-After": "7"}}, ThrottledError),
    ({"status": 503, "message": "concurrent requests"}, UnavailableError),
    ({"status": 503, "after": True}, UnavailableError),
    ({"status": 504, "after": True}, UnavailableError),
    ({"reset": True, "after": True}, UnavailableError),
]
SPOILT = [
    ({"spoil": "truncated"}, UnavailableError),
    ({"spoil": "not-json"}, UnexpectedAnswerError),
]


@pytest.mark.parametrize(("fault", "kind"), [*LOST, *SPOILT], ids=str)
async def test_a_secret_is_asked_for_once_and_counts_as_not_made_only_where_that_is_certain(
    entra: SandboxDriverRig, fault: dict[str, Any], kind: type[CloudError]
) -> None:
    attempt, applied = marker(), bool(fault.get("after") or fault.get("spoil"))

    with entra.fault(ADD, **fault) as number:
        with pytest.raises(kind) as failed:
            await entra.make(attempt)
        assert hits(entra.control, number) == 1

    standing = await entra.driver.look(entra.target)
    assert (attempt in {each.marker for each in standing.credentials}) == applied
    assert not (isinstance(failed.value, UNAPPLIED) and applied)


@pytest.mark.parametrize(("fault", "kind"), LOST, ids=str)
async def test_a_removal_is_sent_once_and_counts_as_not_made_only_where_that_is_certain(
    entra: SandboxDriverRig, fault: dict[str, Any], kind: type[CloudError]
) -> None:
    made, applied = await entra.make(marker()), bool(fault.get("after"))

    with entra.fault(REMOVE, **fault) as number:
        with pytest.raises(kind) as failed:
            await entra.driver.remove(entra.target, made.key_id)
        assert hits(entra.control, number) == 1

    standing = await entra.driver.look(entra.target)
    assert (made.key_id not in standing.key_ids) == applied
    assert not (isinstance(failed.value, UNAPPLIED) and applied)


async def test_a_change_that_gets_no_answer_ends_before_the_fence_does(
    entra: SandboxDriverRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "CHANGE_SECONDS", 0.3)

    with entra.fault(ADD, hang=True), pytest.raises(TimedOutError):
        await entra.make(marker())


async def test_an_application_that_somebody_else_owns_is_not_changed(
    entra: SandboxDriverRig, foreign_target: str
) -> None:
    with pytest.raises(AccessDeniedError) as failed:
        await entra.driver.make(foreign_target, marker(), LIFETIME, (), None)

    assert failed.value.denial is Denial.ROLE
    assert "owner" in failed.value.remedy
    assert "Application.ReadWrite.OwnedBy" in failed.value.remedy


@pytest.fixture
def foreign_target(sandbox: Sandbox) -> str:
    """An application that nobody let us change."""
    truth = sandbox.at_first
    rotate = truth["identities"]["rotate"]["object_id"]
    return next(
        f"{each['id']}/{each['appId']}"
        for each in truth["applications"]
        if rotate not in {owner["id"] for owner in truth["relations"][each["id"]]["owners"]}
    )


async def test_an_application_that_does_not_exist_is_named(entra: SandboxDriverRig) -> None:
    with pytest.raises(NotFoundError, match=f"does not know the application {entra.app_id}"):
        await entra.driver.look(f"{GUID}/{entra.app_id}")


async def test_an_application_that_signs_in_as_another_is_not_looked_at(
    entra: SandboxDriverRig,
) -> None:
    with pytest.raises(NotFoundError, match="has another application id"):
        await entra.driver.look(f"{entra.object_id}/{GUID}")


async def test_a_target_of_another_form_is_a_sentence(entra: SandboxDriverRig) -> None:
    with pytest.raises(TargetError, match="names no application"):
        await entra.driver.look(entra.object_id)


async def test_policies_that_nobody_may_read_stop_nothing_and_restrict_nothing(
    entra: SandboxDriverRig,
) -> None:
    with entra.control.app_policy(password_addition_blocked=True, password_seconds=86_400):
        standing = await entra.driver.look(entra.target)

    assert (standing.longest, standing.refusal) == (None, None)


@pytest.mark.parametrize("own", [True, False])
async def test_a_policy_says_how_long_a_new_secret_may_last_and_whether_there_may_be_one(
    sandbox: Sandbox,
    entra: SandboxDriverRig,
    own: bool,
) -> None:
    application = entra.object_id if own else None
    roles = ("Application.ReadWrite.OwnedBy", "Policy.Read.ApplicationConfiguration")
    policy = partial(entra.control.app_policy, application)
    async with open_clouds(settings_for(sandbox, "rotate"), fingerprints=FINGERPRINTS) as clouds:
        driver = clouds.drivers["entra-app-secret"]
        with entra.control.graph_roles("rotate", *roles):
            free = await driver.look(entra.target)
        with policy(password_seconds=30 * 86_400):
            limited = await driver.look(entra.target)
        with policy(password_addition_blocked=True):
            blocked = await driver.look(entra.target)
        with policy(enabled=False, password_addition_blocked=True):
            off = await driver.look(entra.target)

    assert (free.longest, free.refusal) == (None, None)
    assert (limited.longest, limited.refusal) == (timedelta(days=30), None)
    assert blocked.refusal
    assert "no new client secret" in blocked.refusal
    assert (off.longest, off.refusal) == (None, None)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"password_addition_blocked": True}, "lets it have no new client secret"),
        ({"password_seconds": 86_400}, "does not let a client secret last so long"),
    ],
    ids=str,
)
async def test_what_an_unread_policy_forbids_is_a_sentence_when_it_is_tried(
    entra: SandboxDriverRig, policy: dict[str, Any], words: str
) -> None:
    with entra.control.app_policy(**policy), pytest.raises(RejectedError, match=words) as failed:
        await entra.make(marker())

    assert isinstance(failed.value, PermanentError)
    assert failed.value.remedy


async def test_an_application_that_is_full_is_told_before_and_when_it_is_tried(
    entra: SandboxDriverRig,
) -> None:
    before = await entra.driver.look(entra.target)
    assert before.room is not None
    assert 0 < before.room < MOST_CREDENTIALS
    entra.control.put("credential-limits", most=0)
    try:
        with pytest.raises(RejectedError, match="as many credentials as it may"):
            await entra.make(marker())
    finally:
        entra.control.put("credential-limits", most=MOST_CREDENTIALS)


@pytest.mark.parametrize(
    ("status", "code", "verdict", "named"),
    [
        (401, 7000215, Verdict.NOT_YET, "AADSTS7000215"),
        (401, 7000222, Verdict.NOT_YET, "AADSTS7000222"),
        (400, 53003, Verdict.UNCLEAR, "AADSTS53003"),
        (400, 7000112, Verdict.UNCLEAR, "AADSTS7000112"),
        (400, 700016, Verdict.UNCLEAR, "AADSTS700016"),
        (400, 90002, Verdict.UNCLEAR, "AADSTS90002"),
        (403, 0, Verdict.UNCLEAR, "status 403"),
    ],
)
async def test_each_refusal_of_a_token_says_what_it_shows_of_the_secret(
    entra: SandboxDriverRig, status: int, code: int, verdict: Verdict, named: str
) -> None:
    made = await working(entra)

    with entra.refuse_sign_in(status, code):
        tested = await entra.driver.test(entra.target, made)

    assert tested == ports.Tested(verdict, named)


async def test_a_disabled_application_says_nothing_about_its_secret(
    entra: SandboxDriverRig,
) -> None:
    made = await working(entra)
    entra.control.change("applications", application=entra.object_id, enabled=False)
    try:
        tested = await entra.driver.test(entra.target, made)
    finally:
        entra.control.change("applications", application=entra.object_id, enabled=True)

    assert tested == ports.Tested(Verdict.UNCLEAR, "AADSTS7000112")


@pytest.mark.parametrize(
    ("status", "code", "headers", "least", "most"),
    [
        (429, 0, {}, 60.0, 60.0),
        (429, 0, {"Retry-After": "5"}, 60.0, 60.0),
        (429, 0, {"Retry-After": "120"}, 120.0, 120.0),
        (
            429,
            0,
            {"Retry-After": IN_50_MINUTES},
            2_000.0,
            3_600.0,
        ),
        (400, 50196, {}, 60.0, 60.0),
    ],
    ids=["absent", "seconds", "minutes", "date", "loop"],
)
async def test_who_asks_for_tokens_too_often_waits_for_a_minute_at_least(
    entra: SandboxDriverRig,
    status: int,
    code: int,
    headers: Mapping[str, str],
    least: float,
    most: float,
) -> None:
    made = await working(entra)

    later = format_datetime(datetime.now(UTC) + timedelta(minutes=50))
    sent = {name: later if text == IN_50_MINUTES else text for name, text in headers.items()}
    with entra.refuse_sign_in(status, code, headers=sent) as number:
        with pytest.raises(ThrottledError) as failed:
            await entra.driver.test(entra.target, made)
        assert hits(entra.control, number) == 1

    assert failed.value.retry_after is not None
    assert least <= failed.value.retry_after <= most


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 400, "message": "AADSTS90033: canary-echo"},
        {"reset": True},
        {"spoil": "truncated"},
    ],
    ids=str,
)
async def test_an_entra_that_fails_is_asked_once_and_shows_nothing_of_the_secret(
    entra: SandboxDriverRig, fault: dict[str, Any]
) -> None:
    made = await working(entra)

    with entra.fault("/oauth2/v2.0/token$", **fault) as number:
        with pytest.raises(UnavailableError):
            await entra.driver.test(entra.target, made)
        assert hits(entra.control, number) == 1


async def test_each_test_is_a_request_of_its_own(entra: SandboxDriverRig) -> None:
    made = await working(entra)
    entra.control.clear_log()

    for _ in range(3):
        assert (await entra.driver.test(entra.target, made)).verdict is Verdict.WORKS

    assert len(asked_for_tokens(entra)) == 3


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"/v1.0/applications/{GUID}"),
        ("DELETE", f"/v1.0/applications/{GUID}"),
        ("POST", f"/v1.0/applications/{GUID}/addKey"),
        ("POST", f"/v1.0/servicePrincipals/{GUID}/addPassword"),
        ("GET", "/v1.0/applications"),
        ("PATCH", "/v1.0/policies/defaultAppManagementPolicy"),
    ],
)
def test_what_rotating_never_sends_to_graph_is_stopped(method: str, path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.GRAPH.check(method, f"https://graph.microsoft.com{path}")


@pytest.mark.parametrize("path", ["/common/oauth2/v2.0/authorize", "/a/b/oauth2/v2.0/token"])
def test_a_secret_is_sent_to_the_token_endpoint_only(path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.LOGIN.check("POST", f"https://login.microsoftonline.com{path}")
    paths.LOGIN.check("POST", "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "message": "canary-echo"},
        {"status": 409, "message": "canary-echo"},
        {"status": 429, "message": "canary-echo"},
        {"status": 500, "message": "canary-echo"},
        {"spoil": "not-json"},
        {"spoil": "truncated"},
        {"reset": True},
        {},
    ],
    ids=str,
)
async def test_no_value_is_in_any_error_or_log(
    entra: SandboxDriverRig, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await working(entra)
    values, errors = [made.value.reveal()], list[CloudError]()
    rule = fault or {"latency_seconds": 0.01}

    with entra.control.fault(method="POST", path="assword$|token$", **rule):
        for asked in (
            entra.make(marker()),
            entra.driver.test(entra.target, made),
            entra.driver.remove(entra.target, made.key_id),
        ):
            try:
                found = await asked
            except CloudError as error:
                errors.append(error)
            else:
                values += [found.value.reveal()] if isinstance(found, Made) else []

    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    shown = ""
    for one in errors:
        assert one.__cause__ is None
        assert one.__context__ is None
        shown += "".join(traceback.format_exception(one)) + repr(one) + repr(vars(one))
    assert "canary" not in shown
    assert not [value for value in values if value in shown + logged]
