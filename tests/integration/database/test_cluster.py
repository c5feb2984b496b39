"""The embedded PostgreSQL, started for real."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from shared.database import Cluster, resolve
from shared.database import cluster as cluster_module
from shared.database.account import Account
from shared.database.binaries import find_binaries
from shared.database.catalogue import ROOT
from shared.database.location import POINTER, locate
from shared.database.settings import ResolverSettings
from shared.database.stale import working_on
from shared.errors import SchemaError, SettingsError
from tests.support.database import FAST, execute, run_apart

SUPERVISE = """
import sys, time
from pathlib import Path
from shared.database import Cluster
cluster = Cluster(Path(sys.argv[1])).start()
print(cluster.pid, flush=True)
time.sleep(600)
"""


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_a_restart_keeps_the_port_and_the_data(state: Path) -> None:
    with Cluster(state, settings=FAST) as first:
        port = first.port
        run_apart(execute(first.url("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer"))
    assert not first.running

    with Cluster(state, settings=FAST) as second:
        assert second.port == port
        assert run_apart(ask(second.url("postgres"), "SELECT answer FROM kept")) == 42


def test_starting_twice_is_the_same_as_once(postgres: Cluster) -> None:
    pid = postgres.pid

    postgres.start()

    assert postgres.pid == pid


def test_a_second_supervisor_is_refused_with_a_sentence(postgres: Cluster) -> None:
    with pytest.raises(SettingsError, match="Another process already runs the database"):
        Cluster(postgres.state).start()


def test_nobody_gets_in_without_the_password(postgres: Cluster) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        run_apart(ask(postgres.url("postgres", password="guessed"), "SELECT 1"))


def test_the_password_is_in_one_file_that_only_its_owner_can_read(postgres: Cluster) -> None:
    file = postgres.state / "superuser.pw"

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes() not in Path(f"/proc/{postgres.pid}/cmdline").read_bytes()
    assert file.read_bytes() not in postgres.log.read_bytes()


def test_a_half_done_initdb_is_begun_again(state: Path) -> None:
    for name in ("data", "data.part"):
        (state / name / "base").mkdir(parents=True)
        (state / name / "postgresql.conf").touch()

    with Cluster(state, settings=FAST) as cluster:
        assert run_apart(ask(cluster.url("postgres"), "SELECT 1")) == 1


def test_a_stale_pid_file_does_not_keep_it_from_starting(state: Path) -> None:
    with Cluster(state, settings=FAST) as cluster:
        pass
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")

    with Cluster(state, settings=FAST) as again:
        assert again.running


def test_data_of_another_major_version_is_left_alone_with_a_sentence(state: Path) -> None:
    (state / "data").mkdir()
    (state / "data" / "PG_VERSION").write_text("15\n")

    with pytest.raises(SchemaError, match="is of PostgreSQL 15, the programs here are of"):
        Cluster(state).start()


def test_a_port_that_somebody_took_is_given_up_for_another(postgres: Cluster, state: Path) -> None:
    (state / "port").write_text(str(postgres.port))

    with Cluster(state, settings=FAST) as second:
        assert second.port != postgres.port


def test_a_server_that_refuses_its_settings_is_a_sentence_that_names_the_log(state: Path) -> None:
    with pytest.raises(SettingsError, match=r"did not start; .*postgres.log says why"):
        Cluster(state, settings={"max_connections": "many"}).start()

    with Cluster(state, settings=FAST) as cluster:
        assert cluster.running


def test_a_server_that_is_not_ready_in_time_is_stopped_again(state: Path) -> None:
    cluster = Cluster(state, settings=FAST)

    with pytest.raises(SettingsError, match="not ready in time"):
        cluster.start(seconds=-1)

    assert not cluster.running


def test_an_initdb_that_fails_says_why(state: Path, tmp_path: Path) -> None:
    for name, script in (
        ("postgres", "echo '(PostgreSQL) 18.0'"),
        ("initdb", "echo no >&2; exit 1"),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    with pytest.raises(SettingsError, match="initdb failed: no"):
        Cluster(state, binaries=tmp_path, account=Account()).start()


def test_it_is_started_in_the_main_thread_only(state: Path) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            Cluster(state).start()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in str(caught[0])


def test_a_supervisor_that_is_killed_takes_its_server_along_and_the_data_stays(state: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(state)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as supervisor:
        assert supervisor.stdout
        supervisor.stdout.readline()
        supervisor.kill()

    with Cluster(state) as cluster:
        assert working_on(cluster.data) >= {cluster.pid}
        assert run_apart(ask(cluster.url("postgres"), "SELECT 1")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must change the account")
def test_root_keeps_the_files_elsewhere_when_the_account_cannot_enter(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(cluster_module, "locate", partial(locate, places=[state]))

    with Cluster(closed, settings=FAST) as cluster:
        assert cluster.data.is_relative_to(state)
        assert (closed / POINTER).read_text().strip() == str(cluster.data.parent)
        assert closed.stat().st_mode & 0o777 == 0o700
        assert run_apart(ask(cluster.url("postgres"), "SELECT 1")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must change the account")
def test_root_copies_programs_that_the_account_cannot_reach(state: Path, tmp_path: Path) -> None:
    programs = find_binaries()
    package = programs.parent.parent
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    shutil.copytree(programs.parent, closed / package.name / programs.parent.name)
    shutil.copytree(f"{package}.libs", closed / f"{package.name}.libs")

    with Cluster(
        state, binaries=closed / programs.relative_to(package.parent), settings=FAST
    ) as cluster:
        assert Path(f"/proc/{cluster.pid}/exe").readlink().is_relative_to(state / "pgdist")


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user shows it in every other test")
def test_an_ordinary_user_runs_it_in_place(state: Path) -> None:
    own = state / "own"
    own.mkdir(mode=0o700)
    os.chown(own, 65534, 65534)
    child = os.fork()
    if child == 0:  # the interpreter may lie where only root can read: hence no new process
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with Cluster(own, settings=FAST) as cluster:
                code = 0 if cluster.running and cluster.data == own / "data" else 2
        finally:
            os._exit(code)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_without_an_address_the_resolver_starts_an_embedded_server(state: Path) -> None:
    found = resolve(None, state, ResolverSettings(pg_resolver="auto"))
    try:
        assert found.cluster
        assert found.cluster.running
        assert found.url.endswith("/certifyclouds")
    finally:
        found.close()

    assert not found.cluster.running


def test_a_server_that_will_not_stop_is_killed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "_STOP_SECONDS", 0.0)
    cluster = Cluster(state, settings=FAST).start()
    pid = cluster.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)

    cluster.stop()

    assert not cluster.running
    while working_on(cluster.data):
        time.sleep(0.01)
