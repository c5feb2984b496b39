"""What cannot be done is refused: one sentence that says what to do, and an exit code."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex

import pytest

from shared.database import Cluster
from tests.support.database import Database

KEY = token_hex(32)


def command(*words: str, **variables: str) -> tuple[int, str]:
    """Run `certifyclouds` with these variables only; return its code and standard error."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "services", *words],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "DATABASE_URL: it is not set. SECRET_KEY: it is not set."),
        ({"SECRET_KEY": "changeme" * 8}, "sample value that others know"),
        ({"SECRET_KEY": KEY, "DATABASE_URL": "mysql://x"}, "DATABASE_URL: it must look like"),
        ({"SECRET_KEY": KEY, "BUS_URL": "kafka://x"}, "BUS_URL: it must be empty"),
        (
            {"SECRET_KEY": KEY, "DATABASE_URL": "postgresql://x", "CLOUD": "sandbox"},
            "SANDBOX_PORT and SANDBOX_CA_FILE",
        ),
    ],
)
def test_a_service_does_not_start_on_missing_default_or_senseless_settings(
    variables: Mapping[str, str], sentence: str
) -> None:
    code, told = command("serve", "scanner", **variables)

    assert code == 2
    assert sentence in told
    assert "Traceback" not in told


def test_an_unknown_service_is_refused_with_the_names_that_there_are() -> None:
    code, told = command("serve", "scaner")

    assert code == 2
    assert "gateway, scanner, alerting" in told


def test_a_schema_that_is_too_new_stops_a_service_and_nothing_is_touched(
    database: Database, migrated: Cluster
) -> None:
    from tests.support.database import execute, run_apart

    floor = "UPDATE scanner.schema_floor SET minimum = '9999'"
    run_apart(execute(migrated.url(database.name), floor))

    code, told = command(
        "serve", "scanner", DATABASE_URL=database.url("scanner"), SECRET_KEY=KEY, INTERNAL_PORT="0"
    )

    assert code == 3
    assert "The schema scanner is too new" in told
    assert "Install the newer release" in told


def test_a_port_that_is_taken_is_named(database: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        code, told = command(
            "serve",
            "licensing",
            DATABASE_URL=database.url("licensing"),
            SECRET_KEY=KEY,
            INTERNAL_PORT=port,
        )

    assert code == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in told


def test_without_a_platform_the_client_says_where_it_looked_and_what_to_do() -> None:
    code, told = command(
        "expiring", CERTIFYCLOUDS_URL="http://127.0.0.1:9", CERTIFYCLOUDS_TOKEN="x"
    )

    assert code == 4
    assert "http://127.0.0.1:9 does not answer" in told
    assert "certifyclouds up" in told


def test_migrating_without_a_database_says_which_variable_is_missing() -> None:
    code, told = command("migrate")

    assert code == 2
    assert "DATABASE_URL: it is not set" in told


def test_a_data_folder_that_another_platform_uses_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    (tmp_path / "data").mkdir(mode=0o711)
    with Cluster(tmp_path / "data" / "postgres"):
        code, told = command("up", "--no-sandbox", "--data-dir", str(tmp_path / "data"))

    assert code == 2
    assert "Traceback" not in told
    assert str(tmp_path / "data") in told.replace("\n", "")
