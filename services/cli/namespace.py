"""Which bus `up` runs on: the one that BUS_URL names, or a simulated Service Bus namespace."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from services.cli.children import Child, Children
from services.cli.platform import Plan, read_when_written
from services.cli.settings import PlatformSettings, bare_environment
from shared.bus.switching import SILENT_SECONDS
from shared.bus_url import EMBEDDED, RABBITMQ, SERVICE_BUS, kind_of
from shared.errors import SettingsError
from shared.ports import free_port

NAME: Final = "servicebus"
_SECONDS: Final = 30.0
_KINDS: Final = {"postgres": EMBEDDED, "rabbitmq": RABBITMQ, "servicebus": SERVICE_BUS}


class Bus(NamedTuple):
    """The address of the bus, and of the one that is being left."""

    url: str
    previous: str | None


@asynccontextmanager
async def chosen_bus(
    settings: PlatformSettings, plan: Plan, children: Children
) -> AsyncIterator[Bus]:
    """Yield the bus to make ready; at the end a simulated namespace that was left is gone.

    Raises `SettingsError` where `--bus` and BUS_URL contradict each other.
    """
    given = settings.bus_url.get_secret_value()
    previous = settings.bus_url_previous.get_secret_value() if settings.bus_url_previous else None
    if _is_simulated(plan, given):
        yield Bus(await _start(plan, children), previous)
    elif previous or not _folder(plan).exists():
        yield Bus(given, previous)
    else:
        await _wait_for_silence(plan, children)
        yield Bus(given, await _start(plan, children))
        await children.end(NAME)
        shutil.rmtree(_folder(plan))


def _is_simulated(plan: Plan, given: str) -> bool:
    """Say whether a namespace is simulated."""
    if not plan.bus:
        return False
    wanted = _KINDS.get(plan.bus)
    if wanted is None:
        raise SettingsError(f"--bus: “{plan.bus}” is none of {', '.join(_KINDS)}.")
    if wanted == SERVICE_BUS and not given and plan.sandbox:
        return True
    if kind_of(given) != wanted:
        raise SettingsError(
            f"--bus {plan.bus}: BUS_URL is {'not set' if not given else 'that of another bus'}."
            " Set it to the bus that shall be used, or leave --bus out."
        )
    return False


async def _wait_for_silence(plan: Plan, children: Children) -> None:
    """Wait until the services of the last run count as ended: nothing else could use its bus."""
    used = max(file.stat().st_mtime for file in (_folder(plan), *_folder(plan).iterdir()))
    if (seconds := used + SILENT_SECONDS + 1 - time.time()) > 0:
        children.report(
            f"In {seconds:.0f} s what waits on the simulated Service Bus namespace is taken along …"
        )
        await asyncio.sleep(seconds)


async def _start(plan: Plan, children: Children) -> str:
    """Start the namespace that is kept in the data folder; return its connection string."""
    folder = _folder(plan)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready = folder / "ready.json"
    argv = [sys.executable, "-m", "sandbox.service_bus", "--state", str(folder)]
    argv += ["--ready-file", str(ready), "--port", str(_kept_port(ready))]
    ready.unlink(missing_ok=True)
    log = plan.folder / "logs" / f"{NAME}.log"
    await children.start(
        Child(name=NAME, argv=argv, env=bare_environment(), log=log, supports=True)
    )
    told = await read_when_written(ready, children, _SECONDS)
    return f"{told['connection_string']}CaFile={told['ca_file']}"


def _kept_port(ready: Path) -> int:
    """Return the namespace's port of the last start: it is how the database knows it again."""
    try:
        return int(json.loads(ready.read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):  # the first start, or one that was cut off
        return free_port()


def _folder(plan: Plan) -> Path:
    return plan.folder / NAME
