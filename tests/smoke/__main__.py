"""`make smoke`: one JSON line per stage, exit code 1 at the first broken promise."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

from tests.smoke.api import BrokenPromise
from tests.smoke.platform import running
from tests.smoke.stages import Scenario


def say(stage: str, began: float, *, ok: bool = True, **figures: object) -> None:
    """Print one stage's line."""
    seconds = round(time.monotonic() - began, 2)
    print(json.dumps({"stage": stage, "ok": ok, "seconds": seconds, **figures}), flush=True)


@contextmanager
def bus(kind: str, folder: Path) -> Iterator[str]:
    """Yield the address of the bus that is started here: RabbitMQ, as a private node."""
    if kind != "rabbitmq":
        yield ""
        return
    from tests.support.rabbitmq import Node

    place = folder / "rabbitmq"
    place.mkdir()
    with closing(Node(place)) as node:
        node.start()
        yield node.url


def drive(kind: str) -> int:
    """Run every stage against a platform of its own."""
    began = time.monotonic()
    stage = "up"
    with tempfile.TemporaryDirectory(prefix="certifyclouds-smoke-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            with bus(kind, folder) as url, running(folder, bus=kind, bus_url=url) as platform:
                say("up", began, bus=kind)
                with closing(Scenario(platform)) as scenario:
                    for stage, run in scenario.stages().items():
                        began = time.monotonic()
                        say(stage, began, **run())
        except (BrokenPromise, RuntimeError, OSError, httpx.HTTPError) as error:
            say(stage, began, ok=False, reason=str(error))
            return 1
    return 0


def main() -> int:
    """Read the arguments and drive."""
    parser = argparse.ArgumentParser(prog="make smoke")
    parser.add_argument("--bus", choices=["postgres", "rabbitmq", "servicebus"], default="postgres")
    return drive(parser.parse_args().bus)


if __name__ == "__main__":
    sys.exit(main())
