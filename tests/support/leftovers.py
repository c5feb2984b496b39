"""What the brokers' clients leave behind when a connection is closed or torn down."""

import asyncio
import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

CLIENT_SECONDS: Final = 3.0
# Callbacks of futures that were done last begin their tasks some turns of the loop later.
QUIET_LOOKS: Final = 3
# Folders and files whose tests talk to RabbitMQ or Service Bus in their own process.
PLACES: Final = frozenset({"bus", "service_bus", "test_shuffled", "test_on_the_bus", "test_canary"})
_CLIENTS: Final = ("aiormq", "aio_pika")
# While such a test runs the collector may find a forgotten socket by itself.
bears_leftovers: Final = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@contextmanager
def leftovers_collected() -> Iterator[None]:
    """Collect Service Bus's forgotten sockets at the end, while their event loop still runs.

    The client closes no socket of a connection that broke. Collected later, each would be told as
    the fault of whatever test runs then.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def uses_a_broker(path: Path) -> bool:
    """Say whether a test of this file may use a broker's client."""
    return not PLACES.isdisjoint(path.with_suffix("").parts)


def collect_leftovers() -> None:
    """Collect, without telling of sockets and tasks that are the clients' own."""
    tell = sys.unraisablehook

    def hear(found: "sys.UnraisableHookArgs") -> None:
        if not _is_of_client(found.object):
            tell(found)

    sys.unraisablehook = hear
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    finally:
        sys.unraisablehook = tell


async def clients_ended() -> None:
    """Wait a little for what RabbitMQ's client still does after it was closed.

    It closes the last of a connection in tasks of its own, and begins some of them when everything
    else has ended. A loop that ends just then would be told of as the fault of a later test.
    """
    deadline = asyncio.get_running_loop().time() + CLIENT_SECONDS
    quiet = 0
    while quiet < QUIET_LOOKS and asyncio.get_running_loop().time() < deadline:
        coroutines = [task.get_coro() for task in asyncio.all_tasks()]
        quiet = 0 if any(map(_is_of_client, coroutines)) else quiet + 1
        await asyncio.sleep(0.01 if quiet == 0 else 0)


def _is_of_client(coroutine: Any) -> bool:
    code = getattr(coroutine, "cr_code", None)
    return code is not None and any(name in code.co_filename for name in _CLIENTS)
