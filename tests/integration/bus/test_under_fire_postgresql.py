"""Twenty thousand events on the embedded bus while PostgreSQL and services are killed."""

from functools import partial
from pathlib import Path

from tests.support.blows import end_sessions, kill, kill_postgresql, restart_postgresql, under_fire
from tests.support.bus import Rig


async def test_twenty_thousand_events_on_postgresql(embedded: Rig, tmp_path: Path) -> None:
    await under_fire(
        embedded,
        tmp_path,
        lambda crew: [
            partial(end_sessions, embedded),
            partial(kill, crew, "scanner"),
            partial(kill_postgresql, embedded),
            partial(kill, crew, "gateway"),
            partial(restart_postgresql, embedded),
            partial(kill_postgresql, embedded),
        ],
    )
