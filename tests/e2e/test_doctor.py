"""`certifyclouds doctor` through real processes: a clean identity, and ones with too much."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.settings import SERVICES
from shared.database.connect import OwnConnection
from shared.events import PermissionChanged
from shared.ports import free_port
from tests.e2e.test_cli import certifyclouds, cloud
from tests.support.database import Database
from tests.support.platform import SECRET_KEY
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.waiting import eventually

VALUE = "cAnArY-5b1d77aa-doctor"
PASSWORD = "a-long-walk-home"
UNREADABLE = ["kv-hr-payroll-prod", "kv-treasury-prod-weu"]


@pytest.fixture(scope="module")
def contoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A demo estate of this module's own, with a value that everybody could recognise."""
    with running_sandbox(tmp_path_factory.mktemp("contoso")) as sandbox:
        for vault in sandbox.at_first["vaults"][:5]:
            sandbox.control.write(vault=vault["name"], kind="secret", name="canary", value=VALUE)
        yield sandbox


def as_identity(sandbox: Sandbox, name: str) -> dict[str, str]:
    client = sandbox.ready["identities"][name]["client_id"]
    return cloud(sandbox) | {"AZURE_CLIENT_ID": client}


@asynccontextmanager
async def platform(
    database: Database, folder: Path, sandbox: Sandbox, identity: str
) -> AsyncIterator[dict[str, str]]:
    """Serve everything in a process of its own; yield what the command line needs to sign in."""
    port, log = free_port(), folder / "services.log"
    given = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "SECRET_KEY": SECRET_KEY,
        "DATA_DIR": str(folder),
        "LOG_LEVEL": "DEBUG",
        "GATEWAY_HTTP_PORT": str(port),
        "GATEWAY_SETUP_TOKEN_FILE": str(folder / "setup-token"),
        **as_identity(sandbox, identity),
        **{f"{name.upper()}_DATABASE_URL": database.url(name) for name in SERVICES},
        **{f"{name.upper()}_INTERNAL_PORT": str(free_port()) for name in SERVICES},
    }
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services", "serve", "all"), env=given, stdout=out, stderr=out
        )
    try:
        url = f"http://127.0.0.1:{port}"
        yield {"CERTIFYCLOUDS_URL": url, "CERTIFYCLOUDS_TOKEN": await sign_in(url, folder)}
    finally:
        process.terminate()
        await process.wait()


async def sign_in(url: str, folder: Path) -> str:
    """Wait until the gateway is there and become its first administrator."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:

        async def started() -> bool:
            try:
                return (await http.get("/health/startup")).status_code == 200
            except httpx.HTTPError:
                return False

        await eventually(started)
        token = (folder / "setup-token").read_text().strip()
        body = {"setup_token": token, "username": "ada", "password": PASSWORD}
        answer = await http.post("/api/v1/auth/login", json=body)
        return str(answer.json()["access_token"])


async def everything(admin: OwnConnection) -> str:
    """Return every row that the check wrote, and every event."""
    rows: list[str] = []
    for sql in (
        "SELECT x::text AS row FROM scanner.permission_check x",
        "SELECT x::text AS row FROM scanner.permission x",
        "SELECT x::text AS row FROM gateway.live_event x",
        "SELECT x::text AS row FROM audit.entry x",
        "SELECT convert_from(body, 'UTF8') AS row FROM bus.message",
    ):
        rows += [record["row"] for record in await admin.fetch(sql)]
    return "\n".join(rows)


def ensure_nothing_leaked(**places: str) -> None:
    """No value, and nothing that begins like an access token (`{"typ":…` or `{"alg":…`)."""
    for place, text in places.items():
        assert text, place
        for canary in (VALUE, "eyJ0eX", "eyJhbGc"):
            assert canary not in text, place


def states(found: dict[str, Any], state: str) -> list[str]:
    return [row["vault_name"] for row in found["permissions"] if row["state"] == state]


async def test_discovers_identity_is_found_clean_but_for_two_vaults(
    database: Database, contoso: Sandbox, tmp_path: Path
) -> None:
    async with platform(database, tmp_path, contoso, "discover") as token:
        code, out, err = await certifyclouds("doctor", "--json", **token)
        found = json.loads(out)
        _, text, _ = await certifyclouds("doctor", "--last", **token)
        async with database.connection() as admin:
            rows = await everything(admin)

    assert code == 1, err
    assert found["check"]["could_read_values"] == "no"
    assert found["check"]["requested_by"] == "ada"
    assert states(found, "missing") == UNREADABLE[:1]
    assert states(found, "unknown") == UNREADABLE[1:]
    assert states(found, "excess") == []
    assert text.startswith("This identity could read no value.")
    assert "What to do next" in text
    assert '--role "21090545-7ca7-4776-b22c-e363652d74d2"' in text
    ensure_nothing_leaked(
        out=out, text=text, rows=rows, log=(tmp_path / "services.log").read_text()
    )


async def test_an_identity_with_too_much_is_told_loudly_everywhere(
    database: Database, contoso: Sandbox, tmp_path: Path
) -> None:
    async with platform(database, tmp_path, contoso, "rotate") as token:
        code, out, err = await certifyclouds("doctor", "--json", **token)
        _, text, _ = await certifyclouds("doctor", "--last", **token)
        async with (
            database.connection() as admin,
            httpx.AsyncClient(base_url=token["CERTIFYCLOUDS_URL"], trust_env=False) as http,
        ):
            live = "SELECT summary FROM gateway.live_event WHERE type = $1"
            said = await eventually(lambda: admin.fetchval(live, PermissionChanged.type))
            seen = "SELECT count(*) FROM alerting.inbox WHERE handler = 'on_without_rule'"
            await eventually(lambda: admin.fetchval(seen))
            rows = await everything(admin)
            bearer = {"authorization": f"Bearer {token['CERTIFYCLOUDS_TOKEN']}"}
            answer = await http.get("/api/v1/permissions", headers=bearer)

    found, log = json.loads(out), (tmp_path / "services.log").read_text()
    assert code == 5, err
    assert found["check"]["could_read_values"] == "yes"
    assert found["permissions"][0]["reads_values"]
    assert "az role assignment delete --ids" in found["permissions"][0]["remedy"]
    assert text.startswith("This identity COULD READ VALUES.")
    assert "COULD READ VALUES" in said
    assert "COULD READ VALUES" in log
    assert answer.json()["data"][0]["could_read_values"] in {"yes", None}
    assert answer.json()["check"]["could_read_values"] == "yes"
    ensure_nothing_leaked(out=out, text=text, rows=rows, log=log)


@pytest.mark.parametrize(
    ("identity", "code", "first"),
    [
        ("discover", 1, "This identity could read no value."),
        ("rotate", 5, "This identity COULD READ VALUES."),
        ("sync", 5, "This identity COULD READ VALUES."),
    ],
)
async def test_without_a_platform_the_current_credential_is_examined(
    contoso: Sandbox, identity: str, code: int, first: str
) -> None:
    contoso.control.clear_log()

    ended, out, err = await certifyclouds("doctor", "--direct", **as_identity(contoso, identity))

    assert (ended, out.splitlines()[0]) == (code, first), err
    paths = {entry["path"] for entry in contoso.control.log() if ".vault." in entry["host"]}
    assert paths == {"/secrets", "/keys", "/certificates"}
    ensure_nothing_leaked(out=out)
    assert "Traceback" not in err


async def test_a_tenant_that_nobody_signed_in_to_is_told_as_unknown_and_not_as_missing() -> None:
    code, out, err = await certifyclouds("doctor", "--direct", "--json")

    found = json.loads(out)
    assert code == 1, err
    assert found["check"]["could_read_values"] == "unknown"
    assert states(found, "missing") == []
    assert "az login" in json.dumps(found) + err
    assert "Traceback" not in err


async def test_the_last_result_of_no_platform_is_a_wrong_use() -> None:
    code, _, err = await certifyclouds("doctor", "--direct", "--last")

    assert code == 2
    assert "--last" in err
