"""Settings and the clockwork of periodic tasks."""

import asyncio
from secrets import token_hex

import pytest

from services.scanner.settings import Settings
from shared.errors import SettingsError
from shared.service.periodic import Periodic
from shared.settings import load_settings

NEEDED = {
    "database_url": "postgresql://scanner:x@localhost/certifyclouds",
    "secret_key": token_hex(32),
}


def test_thresholds_come_from_the_settings() -> None:
    settings = load_settings(Settings, **NEEDED, expiry_warning_days=45, expiry_critical_days=10)

    assert (settings.thresholds().warning_days, settings.thresholds().critical_days) == (45, 10)


def test_thresholds_in_the_wrong_order_stop_the_start_with_a_sentence() -> None:
    with pytest.raises(SettingsError, match="warning threshold must be longer"):
        load_settings(Settings, **NEEDED, expiry_warning_days=5, expiry_critical_days=10)


async def test_a_periodic_task_begins_at_once_and_again_when_it_is_woken() -> None:
    turns: asyncio.Queue[int] = asyncio.Queue()

    async def turn() -> None:
        turns.put_nowait(1)

    periodic = Periodic(turn=turn, seconds=3600)
    running = asyncio.create_task(periodic.run())
    await turns.get()
    periodic.wake()
    await turns.get()
    running.cancel()

    assert turns.empty()


async def test_a_periodic_task_comes_round_by_itself() -> None:
    turns: asyncio.Queue[int] = asyncio.Queue()

    async def turn() -> None:
        turns.put_nowait(1)

    running = asyncio.create_task(Periodic(turn=turn, seconds=0.001).run())
    for _ in range(3):
        await turns.get()
    running.cancel()


async def test_a_wake_during_a_turn_is_not_lost() -> None:
    turns = 0
    done = asyncio.Event()

    async def turn() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            periodic.wake()
        else:
            done.set()

    periodic = Periodic(turn=turn, seconds=3600)
    running = asyncio.create_task(periodic.run())
    await done.wait()
    running.cancel()

    assert turns == 2
