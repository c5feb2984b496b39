"""Credentials of the estates' applications, the spans of policies, and who owns what."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.arguments import parse
from sandbox.clock import Clock, epoch_of
from sandbox.directory import given, policies
from sandbox.directory.errors import refuse
from sandbox.estate.directory import PERSONAL
from sandbox.estate.model import Estate
from sandbox.profiles import demo, make
from sandbox.profiles.control_plane import configure
from sandbox.profiles.ownership import own
from sandbox.wire import RefusedError

NOW = 1_795_000_000


def refusing(status: int, code: str, message: str) -> RefusedError:
    return refuse(Clock(), status, code, message)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (86_400, "P1D"),
        (390_605, "P4DT12H30M5S"),
        (3_600, "PT1H"),
        (5, "PT5S"),
        (90 * 86_400, "P90D"),
    ],
)
def test_a_span_is_written_as_iso_8601_writes_it(seconds: int, text: str) -> None:
    assert policies.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("2030-01-01T00:00:00Z", 1_893_456_000),
        ("2030-01-01T01:00:00.1234567+01:00", 1_893_456_000),
        ("2030-01-01T00:00:00", None),
        ("tomorrow", None),
    ],
)
def test_an_instant_needs_an_offset(text: str, epoch: int | None) -> None:
    assert epoch_of(text) == epoch


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-05-06T07:08:09+00:00", "2029-05-06T07:08:09+00:00"),
        ("2028-02-29T12:00:00+00:00", "2030-02-28T12:00:00+00:00"),
    ],
)
def test_a_secret_holds_for_two_years_to_the_day(start: str, end: str) -> None:
    document = {"passwordCredential": {"startDateTime": start}}

    made = given.password(document, "text", NOW, refusing)

    assert datetime.fromtimestamp(made.end, UTC).isoformat() == end


def test_a_generated_certificate_is_the_one_whose_thumbprint_it_has() -> None:
    keys = [key for app in demo.make(7, NOW).applications for key in app.keys]

    assert keys
    for key in keys:
        digest = hashlib.sha1(key.key, usedforsecurity=False).hexdigest()
        assert key.custom_key_identifier == digest.upper()


@pytest.mark.parametrize("profile", ["demo", "random", "varied", "large"])
def test_the_identity_that_rotates_owns_some_applications_that_can_sign_in(
    profile: str, tmp_path: Path
) -> None:
    arguments = parse(["--state", str(tmp_path), "--profile", profile, "--vaults", "2"])

    estate = make(arguments, Clock())

    rotate = estate.principals["rotate"].object_id
    owned = [a for a in estate.applications if rotate in a.owner_principals]
    assert len(owned) == 6
    for application in owned:
        principal = estate.service_principal(application.app_id)
        assert principal
        assert principal.enabled
        assert application.passwords
        assert application.audience != PERSONAL
    assert len(estate.applications) > len(owned)


def test_ownership_changes_no_other_throw() -> None:
    def levelled(estate: Estate) -> Estate:
        for application in estate.applications:
            application.owner_principals = ()
        for principal in estate.service_principals:
            principal.enabled = True
        return estate

    plain, owned = configure(demo.make(9, NOW)), own(configure(demo.make(9, NOW)))

    assert plain != owned
    assert levelled(plain) == levelled(owned)
