"""The smoke run: the demo scenario through the public API alone, on each bus."""

import json
import subprocess
import sys

import pytest

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
