"""Deadlines that stand still while somebody waits for the turn."""

import asyncio

import pytest

from shared.clouds.deadline import deadline, standing_still


async def test_a_block_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError):
        async with deadline(0.01):
            await asyncio.Event().wait()


async def test_time_spent_standing_still_does_not_count() -> None:
    async with deadline(0.05), deadline(0.1):
        with standing_still():
            await asyncio.sleep(0.2)


async def test_a_deadline_goes_on_where_it_stood() -> None:
    async def stands_and_goes_on() -> None:
        async with deadline(10), deadline(0.05):
            with standing_still():
                await asyncio.sleep(0.1)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await stands_and_goes_on()


async def test_the_deadlines_of_others_run_on() -> None:
    async def waits() -> None:
        async with deadline(60):
            with standing_still():
                await asyncio.Event().wait()

    other = asyncio.create_task(waits())
    with pytest.raises(TimeoutError):
        async with deadline(0.01):
            await asyncio.Event().wait()
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)


async def test_outside_a_deadline_nothing_stands_still() -> None:
    with standing_still():
        assert await asyncio.sleep(0, "done") == "done"
