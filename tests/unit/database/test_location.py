"""Where the embedded cluster's files go."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.database import account as accounts
from shared.database.account import Account, reachable, unprivileged_account
from shared.database.location import POINTER, locate
from shared.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Picky(Account):
    """An account that may enter nothing below `closed`."""

    closed: Path = Path("/nowhere")

    def may_enter(self, path: Path) -> bool:
        return not path.is_relative_to(self.closed)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "state"
    folder.mkdir(parents=True)
    return folder


def test_an_ordinary_user_keeps_everything_in_the_state_folder(state: Path) -> None:
    assert locate(state, Account()) == state
    assert not (state / POINTER).exists()


def test_a_state_folder_that_the_account_may_not_enter_points_to_another(
    state: Path, tmp_path: Path
) -> None:
    folder = locate(state, Picky(closed=state.parent), [tmp_path / "elsewhere"])

    assert folder.parent == tmp_path / "elsewhere"
    assert folder.stat().st_mode & 0o777 == 0o711
    assert (state / POINTER).read_text().strip() == str(folder)


def test_a_restart_follows_the_pointer(state: Path, tmp_path: Path) -> None:
    first = locate(state, Picky(closed=state.parent), [tmp_path / "elsewhere"])

    assert locate(state, Picky(closed=state.parent), [tmp_path / "elsewhere"]) == first


def test_a_pointer_to_a_folder_that_is_gone_is_never_taken_for_a_fresh_start(state: Path) -> None:
    (state / POINTER).write_text("/nonexistent/certifyclouds\n")

    with pytest.raises(SettingsError, match="which is gone"):
        locate(state, Account())


def test_a_place_where_nothing_can_be_made_is_passed_over(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    folder = locate(state, Picky(closed=state.parent), [file, tmp_path / "elsewhere"])

    assert folder.parent == tmp_path / "elsewhere"


def test_without_any_place_there_is_a_sentence(state: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Choose a --data-dir"):
        locate(state, Picky(closed=tmp_path), [tmp_path / "elsewhere"])


def test_programs_that_the_account_cannot_run_are_copied_once(tmp_path: Path) -> None:
    package = tmp_path / "home" / "package"
    (package / "pg18" / "bin").mkdir(parents=True)
    (package / "pg18" / "bin" / "postgres").write_text("program")
    (package / "module.py").touch()
    (tmp_path / "home" / "package.libs").mkdir()
    account = Picky(closed=tmp_path / "home")

    folder = reachable(package / "pg18" / "bin", account, tmp_path / "copies")
    again = reachable(package / "pg18" / "bin", account, tmp_path / "copies")

    assert folder == again == tmp_path / "copies" / "package" / "pg18" / "bin"
    assert (folder / "postgres").read_text() == "program"
    assert (tmp_path / "copies" / "package.libs").is_dir()
    assert not (tmp_path / "copies" / "package" / "module.py").exists()


def test_programs_within_reach_stay_where_they_are(tmp_path: Path) -> None:
    assert reachable(tmp_path, Account(), tmp_path / "copies") == tmp_path


def test_an_ordinary_user_runs_the_server_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert unprivileged_account() == Account()


def test_root_without_any_account_to_change_to_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_ACCOUNTS", ("no-such-account",))

    with pytest.raises(SettingsError, match="useradd --system postgres"):
        unprivileged_account()


def test_root_becomes_an_existing_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_ACCOUNTS", ("no-such-account", "nobody"))

    assert unprivileged_account().uid
