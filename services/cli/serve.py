"""`certifyclouds serve`: one service, or all of them in one process."""

import asyncio
import sys

from services.cli.registry import build_of, names, settings_of
from services.cli.settings import environment, own_variables
from shared.bus import ConsumersLostError
from shared.errors import PermanentError, SettingsError
from shared.service import serve
from shared.service.main import EXIT_LOST, EXIT_REFUSED, EXIT_SETTINGS, run_loop, stop_on_signals
from shared.settings import ServiceSettings, load_settings
from shared.telemetry import configure_logging, get_logger


def serve_command(asked: str) -> int:
    """Run the asked services until the process is told to stop; return the exit code."""
    try:
        settings = {name: _settings(name) for name in names(asked)}
        first = next(iter(settings.values()))
        configure_logging(first.log_level, first.log_format)
        run_loop(_serve_together(settings))
    except PermanentError as error:
        sys.stderr.write(f"certifyclouds serve {asked}: {error}\n")
        return EXIT_SETTINGS if isinstance(error, SettingsError) else EXIT_REFUSED
    except ConsumersLostError as error:
        sys.stderr.write(f"certifyclouds serve {asked}: {error}\n")
        return EXIT_LOST
    return 0


def _settings(service: str) -> ServiceSettings:
    return load_settings(settings_of(service), **own_variables(service, environment()))


async def _serve_together(settings: dict[str, ServiceSettings]) -> None:
    """Serve side by side; the first that refuses to run stops the others and is reported."""
    stop = stop_on_signals()
    tasks = [
        asyncio.create_task(_serve_one(name, of, stop), name=name) for name, of in settings.items()
    ]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _serve_one(name: str, settings: ServiceSettings, stop: asyncio.Event) -> None:
    try:
        await serve(name, settings, build_of(name), stop)
    except Exception:
        get_logger(__name__).exception("a service ended", service=name)
        raise
