"""What a killed server leaves behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.database.stale import clear_leftovers, working_on

WAIT = "while :; do read line || exit; done"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@contextmanager
def running(
    folder: Path, name: str = "postgres", script: str = WAIT
) -> Iterator[subprocess.Popen[str]]:
    """A shell that is called `name`, stands in `folder` and waits."""
    shell = folder.parent / name
    shell.symlink_to("/bin/sh")
    with subprocess.Popen(
        [shell, "-c", f"echo begun; {script}"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def leave_pid(data: Path, text: object) -> Path:
    file = data / "postmaster.pid"
    file.write_text(f"{text}\n{data}\n")
    return file


def test_without_a_pid_file_there_is_nothing_to_do(data: Path) -> None:
    clear_leftovers(data)


def test_the_file_of_a_dead_server_is_removed(data: Path) -> None:
    with running(data) as process:
        process.kill()
    file = leave_pid(data, process.pid)

    clear_leftovers(data)

    assert not file.exists()


def test_a_file_that_names_no_process_is_removed(data: Path) -> None:
    file = leave_pid(data, "garbage")

    clear_leftovers(data)

    assert not file.exists()


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alive(data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with running(elsewhere) as stranger:
        file = leave_pid(data, stranger.pid)

        clear_leftovers(data)

        assert not file.exists()
        assert stranger.poll() is None


def test_a_person_who_stands_in_the_data_folder_is_left_alone(data: Path) -> None:
    with running(data, name="bash") as person:
        clear_leftovers(data)

        assert person.poll() is None


def test_a_zombie_is_not_a_server(data: Path) -> None:
    with running(data) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert working_on(data) == set()


def test_a_server_whose_supervisor_died_is_asked_to_stop(data: Path) -> None:
    with running(data) as server:
        leave_pid(data, server.pid)
        assert working_on(data) == {server.pid}

        clear_leftovers(data)

        assert server.wait() == -signal.SIGINT


def test_an_orphan_that_ignores_the_request_is_killed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.stale.LEFTOVER_SECONDS", 0.0)
    with running(data, script=f"trap '' INT; echo deaf; {WAIT}") as server:
        assert server.stdout
        server.stdout.readline()
        leave_pid(data, server.pid)

        clear_leftovers(data)

        assert server.wait() == -signal.SIGKILL


def test_the_pid_file_stays_while_a_child_of_the_dead_server_works_on_the_data(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    file = leave_pid(data, "0")
    with running(data) as child:

        def wait(_: float) -> None:
            seen.append(file.exists())
            child.kill()

        monkeypatch.setattr("time.sleep", wait)

        clear_leftovers(data)

    assert seen[0]
    assert not file.exists()


def test_without_a_process_table_postgresql_judges_alone(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.stale._PROC", data / "absent")
    file = leave_pid(data, "1")

    clear_leftovers(data)

    assert file.exists()
