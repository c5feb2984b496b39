"""Real processes, killed for real: whatever dies in the middle of a scan, the scan ends once.

And none of them tells a secret: not by its command line, its variables, its logs or its files.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.events import ScanCompleted, VaultScanned
from tests.smoke.api import Api, Sandbox, eventually
from tests.smoke.platform import Platform, running
from tests.support import waiting
from tests.support.canary.forms import canary
from tests.support.canary.processes import (
    family,
    is_kept,
    may_read,
    secrets_of,
    telling_files,
    telling_variables,
)
from tests.support.canary.search import Search
from tests.support.estate import differences, expected_items, stored_items

VICTIMS = ("scanner", "gateway", "alerting", "rotator", "syncer", "licensing")


GIVEN = {name: canary(name) for name in ("SECRET_KEY", "a vault's value", "a cloud's message")}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform as processes that log all that they can."""
    folder = tmp_path_factory.mktemp("platform")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", GIVEN["SECRET_KEY"])
        patch.setenv("LOG_LEVEL", "DEBUG")
        with running(folder, split=True) as started:
            yield started


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[Api]:
    """The first administrator."""
    api = Api(platform.ready["url"])
    with closing(api):
        api.sign_in(platform.ready["setup_token"])
        yield api


@pytest.fixture(scope="module")
def search(platform: Platform, api: Api) -> Search:
    """A search for every secret of the platform, after a scan in which a cloud told one."""
    with closing(Sandbox(platform.ready["sandbox"])) as sandbox:
        told, failing = [vault["name"] for vault in sandbox.truth()["vaults"]][:2]
        value, message = GIVEN["a vault's value"], GIVEN["a cloud's message"]
        sandbox.write(vault=told, kind="secret", name="canary-item", value=value)
        fault = {"host": failing, "status": 403, "message": message}
        sandbox.http.post("/faults", json=fault).raise_for_status()
        api.scan()
        sandbox.http.delete("/faults").raise_for_status()
    session = {"a session's token": api.http.headers["authorization"].partition(" ")[2]}
    return Search(secrets_of(platform, GIVEN | session))


def service_pid(platform: Platform, service: str) -> int | None:
    """Return the process that serves a service now: a child of `up`."""
    parent = platform.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for pid in children:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[-3:-1] == [b"serve", service.encode()]:
            return int(pid)
    return None


def kill(platform: Platform, service: str) -> None:
    """Kill a service's process with -9."""
    pid = eventually(lambda: service_pid(platform, service), f"{service} has a process")
    os.kill(pid, signal.SIGKILL)


async def rows(platform: Platform, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(platform.ready["database_url"])
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


def answered(api: Api, path: str) -> dict[str, Any] | None:
    """GET, or None while the gateway is being started again."""
    try:
        answer = api.http.get(path)
    except OSError:
        return None
    except Exception as error:
        if type(error).__module__.startswith("httpx"):
            return None
        raise
    return answer.json() if answer.is_success else None


def kill_everybody_during_a_scan(
    platform: Platform, api: Api, sandbox: Sandbox
) -> tuple[str, dict[str, Any]]:
    """Kill one service after the other while a scan runs; return the scan when it has ended."""
    slow = {"path": "^/(secrets|keys|certificates)$", "latency_seconds": 0.15}
    sandbox.http.post("/faults", json=slow).raise_for_status()
    scan = api.http.post("/scans", json={"mode": "force"}).raise_for_status().json()["id"]
    done: set[str] = set()

    def progress() -> int:
        state = answered(api, f"/scans/{scan}") or {}
        if state.get("state") == "completed":
            done.add("scan")
        return int(state.get("vaults_done") or 0)

    for number, victim in enumerate(VICTIMS, start=1):
        eventually(lambda n=number: done or progress() >= n * 3, f"{victim}'s turn comes")
        kill(platform, victim)
    assert not done, "the scan ended before everybody was killed: nothing was shown"
    sandbox.http.delete("/faults").raise_for_status()

    ended = eventually(
        lambda: (s := answered(api, f"/scans/{scan}")) and s["state"] == "completed" and s,
        "the scan ends although everything was killed",
        120,
    )
    return scan, ended


async def test_every_service_killed_in_the_middle_of_a_scan_loses_and_doubles_nothing(
    platform: Platform, api: Api
) -> None:
    sandbox = Sandbox(platform.ready["sandbox"])
    with closing(sandbox):
        scan, ended = kill_everybody_during_a_scan(platform, api, sandbox)
        expected = expected_items(sandbox.truth())
    assert ended["outcome"] == "partial"
    assert ended["vaults_done"] == ended["vaults"]
    found = await stored_items(platform.ready["database_url"])
    assert differences(found, expected) == []

    async def told() -> Counter[str]:
        """How often each fact of this scan has reached the gateway's live stream."""
        sql = "SELECT type FROM gateway.live_event WHERE data ->> 'scan_id' = $1"
        return Counter(row["type"] for row in await rows(platform, sql, scan))

    async def everything() -> bool:
        return sum((await told()).values()) >= ended["vaults"] + 1

    await waiting.eventually(everything)
    assert await told() == {VaultScanned.type: ended["vaults"], ScanCompleted.type: 1}


async def test_each_process_has_a_database_role_of_its_own_and_no_other_roles_password(
    platform: Platform,
) -> None:
    for service in VICTIMS:
        pid = eventually(lambda s=service: service_pid(platform, s), f"{service} runs")
        variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        others = [
            v for v in variables if "_DATABASE_URL=" in v and not v.startswith(service.upper())
        ]
        assert not others, f"{service} was handed another role's address"

    async def connected() -> bool:
        sql = "SELECT DISTINCT usename::text FROM pg_stat_activity WHERE usename = ANY ($1::text[])"
        return len(await rows(platform, sql, list(VICTIMS))) == len(VICTIMS)

    await waiting.eventually(connected)


def test_no_command_line_tells_a_secret(platform: Platform, search: Search) -> None:
    processes = family(platform.process.pid)

    words = {word for words in processes.values() for word in words}
    assert {name.encode() for name in VICTIMS} <= words
    assert search.leaks("the process list", b"\n".join(words)) == []


def test_a_process_is_handed_the_secrets_that_it_reads_and_no_others(
    platform: Platform, search: Search
) -> None:
    for pid, words in family(platform.process.pid).items():
        assert telling_variables(pid, search) <= may_read(words), words


def test_the_console_tells_the_set_up_token_and_no_other_secret(
    platform: Platform, search: Search
) -> None:
    said = search.leaks("the console", (platform.folder / "up.log").read_bytes())

    assert {leak.input for leak in said} == {"the set-up token"}


def test_no_file_tells_a_secret_but_those_that_keep_them_for_their_owner(
    platform: Platform, search: Search
) -> None:
    data = platform.folder / "data"
    told = telling_files(data, search)

    assert {name: inputs for name, inputs in told.items() if not is_kept(name)} == {}
    assert {"secrets.json", "postgres/superuser.pw"} <= told.keys()
    for file in (platform.folder / "ready.json", *(data / name for name in told)):
        assert file.stat().st_mode & 0o077 == 0, file


async def test_no_file_of_the_database_tells_a_secret(platform: Platform, search: Search) -> None:
    (row,) = await rows(platform, "SELECT pg_switch_wal(), current_setting('data_directory') AS it")
    home = Path(row["it"]).parent
    assert {"postgres.log", "data"} <= {file.name for file in home.iterdir()}

    assert telling_files(home, search) == {}


def test_a_secret_in_a_service_s_log_would_be_found(platform: Platform, search: Search) -> None:
    logs = platform.folder / "data" / "logs"
    assert telling_files(logs, search) == {}

    with (logs / "rotator.log").open("a") as log:
        log.write(json.dumps({"event": "x", "found": GIVEN["SECRET_KEY"][::-1]}) + "\n")

    assert telling_files(logs, search) == {"rotator.log": {"SECRET_KEY"}}
