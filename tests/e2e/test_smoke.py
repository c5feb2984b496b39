"""The smoke run: the demo scenario through the public API alone, on each bus."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.smoke.platform import running
from tests.support.rabbitmq import need_rabbitmq

STAGES = ["up", "login", "scan", "inventory", "expiring", "change-feed", "alert", "rescan"]


@pytest.mark.slow
@pytest.mark.parametrize("bus", ["postgres", "rabbitmq", "servicebus"])
def test_the_smoke_run_keeps_every_promise(bus: str) -> None:
    if bus == "rabbitmq":
        need_rabbitmq()
    done = subprocess.run(
        [sys.executable, "-m", "tests.smoke", "--bus", bus],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line["stage"] for line in lines][: len(STAGES)] == STAGES
    assert all(line["ok"] for line in lines)


@pytest.mark.slow
def test_what_is_left_on_a_simulated_namespace_is_taken_along(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    kept = tmp_path / "data" / "servicebus"
    with running(tmp_path, bus="servicebus", split=False) as platform:
        assert platform.ready["bus_url"].startswith("Endpoint=sb://localhost")
        assert kept.exists()
    (tmp_path / "ready.json").unlink()
    with running(tmp_path, split=False) as platform:
        assert platform.ready["bus_url"] == "postgresql"
        assert not kept.exists()
