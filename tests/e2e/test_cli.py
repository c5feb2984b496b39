"""The command line against a real platform and straight against a tenant."""

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.database import Database
from tests.support.estate import expected_items
from tests.support.platform import running, variables
from tests.support.sandbox import Sandbox


async def certifyclouds(*words: str, **given: str) -> tuple[int, str, str]:
    """Run the command with these variables; return code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services",
        *words,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLUMNS": "200", **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def cloud(sandbox: Sandbox) -> dict[str, str]:
    """The variables with which the command line finds the sandbox by itself."""
    found = {
        name.upper(): str(value) for name, value in variables(sandbox.ready, "scanner").items()
    }
    return {
        **found,
        "AZURE_CREDENTIAL": "managed-identity",
        "IDENTITY_ENDPOINT": sandbox.ready["identity_endpoint"],
        "IDENTITY_HEADER": sandbox.ready["identity_header"],
    }


def ends_soon(items: Mapping[Any, Mapping[str, Any]], days: int) -> int:
    """How many enabled items end within so many days, by the sandbox's own truth."""
    limit = datetime.now(UTC) + timedelta(days=days)
    return sum(
        1
        for item in items.values()
        if item["enabled"] and (end := item["expires_on"]) and end <= limit
    )


@pytest.mark.usefixtures("cloud_variables")
async def test_scan_and_expiring_through_the_platform_tell_what_the_sandbox_holds(
    database: Database, random_sandbox: Sandbox, tmp_path: Path
) -> None:
    expected = expected_items(random_sandbox.control.truth())
    async with running(database, tmp_path, sandbox=random_sandbox.ready) as platform:
        async with httpx.AsyncClient(base_url=platform.url, trust_env=False) as http:
            body = {
                "setup_token": platform.setup_token,
                "username": "ada",
                "password": "a-long-walk-home",
            }
            answer = (await http.post("/api/v1/auth/login", json=body)).json()
        token = {
            "CERTIFYCLOUDS_URL": platform.url,
            "CERTIFYCLOUDS_TOKEN": answer["access_token"],
        }

        code, out, err = await certifyclouds("scan", "--json", **token)
        assert code == 0, err
        found = json.loads(out)
        assert len(found["items"]) == len(expected)
        assert len(found["unreadable"]) == 2
        assert "Could not look" in err

        code, out, err = await certifyclouds(
            "expiring", "--within", "30d", "--exit-code", "--csv", **token
        )
        told = [line for line in err.splitlines() if line.startswith("Could not look: ")]
        assert len(told) == 2
        assert all(len(line.partition(". ")[2]) > 10 for line in told), "each says why"
        rows = list(csv.DictReader(io.StringIO(out, newline="")))
        assert code == 1
        assert len(rows) == ends_soon(expected, 30)
        assert [row["expires_on"] for row in rows] == sorted(row["expires_on"] for row in rows)

        code, _, err = await certifyclouds(
            "scan", CERTIFYCLOUDS_URL=platform.url, CERTIFYCLOUDS_TOKEN="not-a-token"
        )
        assert code == 3
        assert "The platform refused (401)" in err

        code, out, _ = await certifyclouds(
            "expiring",
            CERTIFYCLOUDS_URL=platform.url,
            CERTIFYCLOUDS_USERNAME="ada",
            CERTIFYCLOUDS_PASSWORD="a-long-walk-home",
        )
        assert code == 0
        assert "What expires within 30d" in out


async def test_scan_and_expiring_need_no_platform_and_no_database(random_sandbox: Sandbox) -> None:
    expected = expected_items(random_sandbox.control.truth())

    code, out, err = await certifyclouds("scan", "--direct", "--csv", **cloud(random_sandbox))
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert code == 0, err
    assert len(rows) == len(expected)
    assert err.count("Could not look") == 2

    code, out, _ = await certifyclouds(
        "expiring", "--direct", "--exit-code", "--json", **cloud(random_sandbox)
    )
    assert code == 1
    assert len(json.loads(out)["items"]) == ends_soon(expected, 30)


async def test_a_tenant_that_nobody_signed_in_to_is_a_sentence() -> None:
    code, out, err = await certifyclouds("scan", "--direct", "--json")

    assert code in (3, 4)
    assert out == ""
    assert "az login" in err
    assert "Traceback" not in err
