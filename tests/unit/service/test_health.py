"""Health: three probes, one page, and no check that can hang or break it."""

import asyncio

import pytest

from shared import health as module
from shared.health import Check, Health, Status
from shared.service.probes import missing_services


def a_health(**probes: object) -> Health:
    health = Health(service="scanner", version="1", started=True)
    for name, probe in probes.items():
        health.add(name, probe)  # type: ignore[arg-type]
    return health


async def fine() -> Check:
    return Check(Status.OK)


async def worn() -> Check:
    return Check(Status.DEGRADED, "rotator was last seen 40 s ago")


async def broken() -> Check:
    raise OSError("no route")


async def test_a_service_whose_checks_pass_is_ok() -> None:
    assert (await a_health(database=fine).report())["status"] == Status.OK


async def test_a_missing_peer_degrades_and_does_not_fail() -> None:
    report = await a_health(database=fine, peers=worn).report()

    assert report["status"] == Status.DEGRADED
    assert report["checks"]["peers"]["detail"] == "rotator was last seen 40 s ago"  # type: ignore[index]


async def test_a_check_that_raises_is_a_failed_check_and_names_only_the_errors_kind() -> None:
    report = await a_health(database=broken).report()

    assert report["status"] == Status.FAILED
    assert report["checks"] == {"database": {"status": Status.FAILED, "detail": "OSError"}}


async def test_a_check_that_hangs_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.01)

    async def hangs() -> Check:
        await asyncio.Event().wait()
        return Check(Status.OK)

    assert (await a_health(database=hangs).look())["database"].status is Status.FAILED


@pytest.mark.parametrize(("started", "stopping"), [(False, False), (True, True)])
async def test_a_service_that_has_not_started_or_is_stopping_is_not_ready(
    started: bool, stopping: bool
) -> None:
    health = a_health(database=fine)
    health.started, health.stopping = started, stopping

    assert health.overall(await health.look()) is Status.FAILED


def test_silent_and_unknown_peers_are_named_each_in_a_sentence() -> None:
    ages = {"gateway": 1.0, "rotator": 40.2}

    assert missing_services(ages, ["gateway", "rotator", "syncer"]) == [
        "rotator was last seen 40 s ago",
        "syncer has never been seen",
    ]
