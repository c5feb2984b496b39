"""The command line's parts: durations, CSV, variables, kept secrets."""

import csv
import io
import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.output import as_csv
from services.cli.platform import role_url
from services.cli.registry import names
from services.cli.secrets_file import keep_secrets
from services.cli.settings import SERVICES, own_variables, role_passwords
from services.cli.within import parse_within
from shared.errors import PermanentError, SettingsError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12h", timedelta(hours=12)), ("30d", timedelta(30)), ("2W", timedelta(14))],
)
def test_durations_are_read_as_people_type_them(text: str, expected: timedelta) -> None:
    assert parse_within(text) == expected


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 days", "1y"])
def test_nonsense_durations_are_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(PermanentError, match="12h, 30d, 2w"):
        parse_within(text)


@given(st.text(min_size=1, max_size=30))
def test_no_csv_cell_can_run_as_a_formula(name: str) -> None:
    table = as_csv([{"name": name}], columns=["name"])

    cell = list(csv.reader(io.StringIO(table, newline="")))[1][0]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == name.removeprefix("'") or cell == name


def test_a_services_own_variables_win_by_their_prefix() -> None:
    variables = {"SCANNER_DATABASE_URL": "a", "DATABASE_URL": "b", "ROTATOR_X": "c"}

    assert own_variables("scanner", variables) == {"database_url": "a"}


def test_role_passwords_are_read_from_the_services_addresses_and_decoded() -> None:
    url = role_url("postgresql://admin:x@db:5432/certifyclouds", "scanner", "p@ss/w:rd")

    assert url.startswith("postgresql://scanner:p%40ss%2Fw%3Ard@db:5432/certifyclouds")
    assert role_passwords({"SCANNER_DATABASE_URL": url}) == {"scanner": "p@ss/w:rd"}


def test_an_unknown_service_is_refused_with_the_list() -> None:
    assert names("all") == SERVICES
    with pytest.raises(SettingsError, match="gateway, scanner"):
        names("scaner")


def test_secrets_are_made_once_kept_for_the_owner_only_and_never_shown(tmp_path: Path) -> None:
    first = keep_secrets(tmp_path, secret_key=None)
    again = keep_secrets(tmp_path, secret_key=None)

    assert first == again
    assert set(first.passwords) >= set(SERVICES)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert first.secret_key not in repr(first)


def test_another_secret_key_than_the_folders_is_refused(tmp_path: Path) -> None:
    keep_secrets(tmp_path, secret_key="k1" * 20)

    with pytest.raises(SettingsError, match="SECRET_KEY differs"):
        keep_secrets(tmp_path, secret_key="k2" * 20)


def test_damaged_secrets_are_a_sentence_and_are_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text("{half")

    with pytest.raises(SettingsError, match="restore it from a backup"):
        keep_secrets(tmp_path, secret_key=None)
    assert file.read_text() == "{half"


def test_a_role_that_came_later_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    before = keep_secrets(tmp_path, secret_key=None)
    file = tmp_path / "secrets.json"
    content = json.loads(file.read_text())
    del content["passwords"]["syncer"]
    file.write_text(json.dumps(content))

    after = keep_secrets(tmp_path, secret_key=None)
    assert after.passwords["gateway"] == before.passwords["gateway"]
    assert after.passwords["syncer"]
