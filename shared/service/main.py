"""The entry point of a service's process: settings, logs, signals, exit code."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from shared.bus import ConsumersLostError
from shared.errors import PermanentError, SettingsError
from shared.service.parts import Build
from shared.service.run import serve
from shared.settings import ServiceSettings, load_settings
from shared.telemetry import configure_logging, get_logger

EXIT_SETTINGS: Final = 2
EXIT_REFUSED: Final = 3
# EX_TEMPFAIL of sysexits.h: whoever watches the process should start it again.
EXIT_LOST: Final = 75

S = TypeVar("S", bound=ServiceSettings)


def run_service(name: str, kind: type[S], build: Build) -> int:
    """Run one service in this process until SIGTERM or SIGINT; return the exit code.

    0 is a clean stop, 2 wrong settings, 3 a refusal such as a schema that is too new, 75
    the loss of the bus's consumers: then the process is to be started again.
    """
    try:
        settings = load_settings(kind)
    except SettingsError as error:
        sys.stderr.write(f"certifyclouds {name}: {error}\n")
        return EXIT_SETTINGS
    configure_logging(settings.log_level, settings.log_format)
    try:
        run_loop(until_signalled(name, settings, build))
    except PermanentError as error:
        get_logger(__name__).error("refused to run", reason=str(error))
        sys.stderr.write(f"certifyclouds {name}: {error}\n")
        return EXIT_SETTINGS if isinstance(error, SettingsError) else EXIT_REFUSED
    except ConsumersLostError as error:
        get_logger(__name__).error("ends to be started again", reason=str(error))
        sys.stderr.write(f"certifyclouds {name}: {error}\n")
        return EXIT_LOST
    return 0


async def until_signalled(name: str, settings: ServiceSettings, build: Build) -> None:
    """Serve until the process is asked to end."""
    await serve(name, settings, build, stop_on_signals())


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    return stop


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, on uvloop where it exists."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
