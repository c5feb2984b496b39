"""Twenty thousand events while RabbitMQ, PostgreSQL and services are stopped and killed."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.blows import kill, kill_postgresql, under_fire
from tests.support.bus import Rig
from tests.support.rabbitmq import Node


@pytest.mark.rabbitmq
async def test_twenty_thousand_events_on_rabbitmq(
    external: Rig, rabbitmq: Node, tmp_path: Path
) -> None:
    async def restart(end: Callable[[], None]) -> None:
        await asyncio.to_thread(end)
        await asyncio.to_thread(rabbitmq.start)

    async def drop_connections() -> None:
        await asyncio.to_thread(rabbitmq.control, "close_all_connections", "a test")

    await under_fire(
        external,
        tmp_path,
        lambda crew: [
            drop_connections,
            partial(restart, rabbitmq.stop),
            partial(kill, crew, "scanner"),
            partial(kill_postgresql, external),
            partial(restart, rabbitmq.kill),
            partial(kill, crew, "gateway"),
        ],
    )
