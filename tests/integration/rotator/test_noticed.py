"""The rotator remembers which credentials end soon."""

from datetime import timedelta

import pytest

from services.rotator import handlers
from shared.events import LicenseChanged
from shared.events.licensing import LicenseState
from tests.support.alerting import NOW, Estate, expiring, message_of
from tests.support.database import Database
from tests.support.rotator import nobody

NOTICED = "SELECT item_id, expires_on, threshold_days FROM rotator.noticed"


@pytest.fixture
async def estate(database: Database) -> Estate:
    estate = Estate(database)
    await estate.fill()
    return estate


@pytest.mark.parametrize("order", [(30, 14, 7), (7, 14, 30), (14, 7, 30, 7)])
async def test_it_remembers_the_closest_step_whatever_the_order(
    estate: Estate, order: tuple[int, ...]
) -> None:
    ref = await estate.add()
    async with estate.database.pool("rotator") as pool:
        for step in order:
            event = expiring(ref, step=step)
            message = message_of(event, service="rotator")
            await handlers.on_secret_expiring(event, message, pool=pool, wake=nobody)
            await handlers.on_secret_expiring(event, message, pool=pool, wake=nobody)

    (noticed,) = await estate.rows(NOTICED)
    assert noticed["threshold_days"] == 7


async def test_of_two_ends_it_remembers_the_one_it_was_told_of_last(estate: Estate) -> None:
    ref = await estate.add()
    late, news = expiring(ref, days=5, step=7), expiring(ref, days=50, step=60)
    async with estate.database.pool("rotator") as pool:
        after = message_of(news, time=NOW + timedelta(hours=1))
        await handlers.on_secret_expiring(news, after, pool=pool, wake=nobody)
        await handlers.on_secret_expiring(late, message_of(late), pool=pool, wake=nobody)

    (noticed,) = await estate.rows(NOTICED)
    assert noticed["expires_on"] == news.expires_on


async def test_what_it_has_no_use_for_is_recorded_once(estate: Estate) -> None:
    event = LicenseChanged(state=LicenseState.EVALUATION)
    message = message_of(event, service="rotator")
    async with estate.database.pool("rotator") as pool:
        await handlers.on_news(event, message, pool=pool, wake=nobody)
        await handlers.on_news(event, message, pool=pool, wake=nobody)

    assert len(await estate.rows("SELECT message_id FROM rotator.inbox")) == 1
