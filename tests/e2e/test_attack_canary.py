"""Values that everybody could recognise: after a scan with every fault no place holds one."""

import base64
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from shared.database.connect import OwnConnection
from shared.telemetry import configure_logging
from tests.support.database import Database
from tests.support.platform import Running, running
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.waiting import eventually

VALUE, MESSAGE = "cAnArY-9f31c7e2-value", "cAnArY-77aa01-message"
LISTS = ("/items", "/changes", "/vaults", "/scans", "/alerts", "/outbox")
FAULTS = (
    {"status": 403},
    {"status": 500, "count": 8},
    {"status": 429, "headers": {"Retry-After": "999999999"}},
    {"reset": True},
    {"status": 400, "code": "x" * 50},
    {"status": 401},
)


def forms(text: str) -> set[str]:
    """Return the text as a leak would show it: plain, hex, reversed, base64 at each offset."""
    raw = text.encode()
    whole = {base64.b64encode(b"\0" * shift + raw).decode()[4:20] for shift in (1, 2)}
    return {text, raw.hex(), text[::-1], base64.b64encode(raw).decode()[:20], *whole}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, down to the smallest detail."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    level, out = logging.getLogger().level, io.StringIO()
    configure_logging("DEBUG", stream=out)
    yield out
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def plant(sandbox: Sandbox) -> None:
    """Write recognisable values, and let vaults fail with a recognisable message."""
    vaults = [vault["name"] for vault in sandbox.control.truth()["vaults"]]
    for vault in vaults[:8]:
        sandbox.control.write(vault=vault, kind="secret", name="canary-item", value=VALUE)
    for vault, fault in zip(vaults, FAULTS, strict=False):
        sandbox.control.add_fault(host=vault, message=MESSAGE, **fault)
    sandbox.control.add_fault(path="/v1.0/applications", status=403, message=MESSAGE)


async def everything(admin: OwnConnection) -> str:
    """Return every row of every table, as the superuser sees it."""
    tables = await admin.fetch(
        """
        SELECT format('SELECT x::text AS row FROM %I.%I AS x', schemaname, tablename) AS sql
        FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        """
    )
    rows = [row["row"] for table in tables for row in await admin.fetch(table["sql"])]
    bodies = await admin.fetch("SELECT convert_from(body, 'UTF8') AS row FROM bus.message")
    return "\n".join([*rows, *(row["row"] for row in bodies)])


async def answers(platform: Running, *, password: str) -> tuple[str, str]:
    """Return what the API answers about everything, and the token that opened it."""
    async with httpx.AsyncClient(base_url=platform.url + "/api/v1", trust_env=False) as http:
        body = {"setup_token": platform.setup_token, "username": "ada", "password": password}
        token: str = (await http.post("/auth/login", json=body)).json()["access_token"]
        await http.post("/auth/login", json={"username": "ada", "password": MESSAGE})
        http.headers["authorization"] = f"Bearer {token}"
        found = [(await http.get(path, params={"limit": 500})).text for path in LISTS]
        found += [(await http.get(path)).text for path in ("/overview", "/system/health")]
    return "\n".join(found), token


async def test_no_value_and_no_message_of_a_cloud_is_in_any_row_log_or_answer(
    database: Database, tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sandbox(tmp_path, "--profile", "random") as sandbox:
        monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        plant(sandbox)
        async with (
            running(database, tmp_path, sandbox=sandbox.ready) as platform,
            database.connection() as admin,
        ):

            async def ended() -> bool:
                return await admin.fetchval(
                    "SELECT count(*) > 0 AND bool_and(state = 'completed') FROM scanner.scan"
                )

            await eventually(ended, seconds=30)
            said, token = await answers(platform, password="pw-" + VALUE)
            rows = await everything(admin)

    assert "canary-item" in said
    assert "canary-item" in rows
    assert "running" in log.getvalue() or "ready" in log.getvalue()
    for place, text in (("a row", rows), ("an answer", said), ("the log", log.getvalue())):
        for canary in (VALUE, MESSAGE, token):
            assert [form for form in forms(canary) if form in text] == [], place


def test_the_search_finds_a_canary_in_every_form() -> None:
    for leak in (VALUE.encode(), b"x" + VALUE.encode(), b"xx" + VALUE.encode()):
        for written in (leak.decode(), leak.hex(), base64.b64encode(leak).decode()):
            assert any(form in written for form in forms(VALUE)), written
