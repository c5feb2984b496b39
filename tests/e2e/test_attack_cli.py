"""The command line misused: one sentence and an exit code, and what runs already is not hurt."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.folder import own_folder
from services.cli.platform import _kept_ports
from shared.errors import SettingsError

CANARY = "canary-5e1f0a7b"


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("folder", ["/proc/1/nowhere", "/dev/null", "/dev/null/below"])
def test_a_folder_that_cannot_be_used_is_a_sentence(folder: str) -> None:
    done = run("-m", "services", "up", "--data-dir", folder, "--port", "0")

    assert done.returncode == 2
    assert f"{folder} cannot be used" in done.stderr
    assert "choose another --data-dir" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_up_on_one_folder_is_refused_before_it_touches_anything(tmp_path: Path) -> None:
    ready = tmp_path / "sandbox" / "ready.json"
    ready.parent.mkdir()
    ready.write_text("the first one's")

    with own_folder(tmp_path):
        done = run("-m", "services", "up", "--data-dir", str(tmp_path), "--port", "0")

    assert done.returncode == 2
    assert "Another `up` is running" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"sandbox", "up.lock"}
    assert ready.read_text() == "the first one's"


def test_a_folder_that_was_left_can_be_taken_again(tmp_path: Path) -> None:
    with own_folder(tmp_path), pytest.raises(SettingsError), own_folder(tmp_path):
        pass
    with own_folder(tmp_path):
        pass


@pytest.mark.parametrize("written", ["", "{", "[]", "{}", '{"port": "x", "msi_port": 1}'])
def test_a_file_of_ports_that_was_cut_off_is_made_anew(written: str, tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_text(written)

    ports = _kept_ports(file)

    assert ports == json.loads(file.read_text())
    assert ports == _kept_ports(file)


def test_what_a_command_logs_shows_no_variable_and_no_token() -> None:
    program = f"""
from services.cli import app
from shared.telemetry import get_logger

def fails():
    token = "{CANARY}"
    try:
        raise OSError("Bearer {CANARY}")
    except OSError:
        get_logger("x").exception("a surprise", token=token, header="Bearer {CANARY}")

app.commands = fails
app.main()
"""
    done = run("-c", program)

    assert "a surprise" in done.stderr + done.stdout
    assert CANARY not in done.stderr + done.stdout
