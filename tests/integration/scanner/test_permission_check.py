"""The permission doctor's turn: due, done once, written whole, and said loudly."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from services.scanner.domain.permission_grants import Grant
from services.scanner.handlers import on_permission_check_requested
from services.scanner.ports import VaultWithPolicies
from services.scanner.steps.doctor import Doctor
from services.scanner.steps.permission_check import Checkup, look_at_permissions
from services.scanner.store import permissions
from shared.database import Pool
from shared.events import PermissionChanged, PermissionCheckRequested
from shared.events.permissions import Answer
from shared.health import Status
from tests.support.permissions import KEY_VAULT_READER, ME, READER, FakeProbes
from tests.support.scanner import (
    GRAPH,
    CrashedError,
    FakeCloud,
    Rig,
    SentTable,
    a_message,
    a_vault,
)
from tests.support.waiting import eventually

READS = Grant(data_actions=("Microsoft.KeyVault/vaults/secrets/getSecret/action",))
MOST_KEPT = permissions.KEPT


def some_probes() -> FakeProbes:
    return FakeProbes(listed=[VaultWithPolicies(a_vault("kv-a"), ())])


def a_checkup(
    pool: Pool, outbox: SentTable, probes: FakeProbes | None = None, **more: Any
) -> Checkup:
    doctor = Doctor(
        probes=probes or some_probes(),
        estate=FakeCloud(),
        graph=GRAPH,
    )
    return Checkup(pool=pool, outbox=outbox, doctor=doctor, **more)


async def wanted(pool: Pool, at: datetime | None = None, message: Any = None) -> None:
    """Deliver a request, as the gateway sends it."""
    instant = at or await pool.fetchval("SELECT now()")
    event = PermissionCheckRequested(requested_at=instant, requested_by="ada")
    delivered = message or a_message(PermissionCheckRequested)
    await on_permission_check_requested(event, delivered, pool=pool, on_wanted=lambda: None)


async def checks(pool: Pool) -> list[dict[str, Any]]:
    rows = await pool.fetch(
        """
        SELECT id, began_at, requested_by, could_read_values, vaults, excess, missing, unknown,
               object_id, client_id, tenant_id
        FROM scanner.v_permission_check ORDER BY began_at
        """
    )
    return [dict(row) for row in rows]


async def rows(pool: Pool, check_id: object) -> list[dict[str, Any]]:
    found = await pool.fetch(
        """
        SELECT n, permission, scope, state, why, remedy, reads_values, vault_name,
               could_read_values
        FROM scanner.v_permission WHERE check_id = $1 ORDER BY n
        """,
        check_id,
    )
    return [dict(row) for row in found]


async def test_a_check_is_written_whole_with_who_was_examined(rig: Rig) -> None:
    assert await a_checkup(rig.pool, rig.outbox).turn()

    (check,) = await checks(rig.pool)
    assert (check["could_read_values"], check["vaults"], check["requested_by"]) == (
        "no", 1, "schedule",
    )  # fmt: skip
    assert check["object_id"] == ME
    assert (check["excess"], check["missing"], check["unknown"]) == (0, 0, 0)
    found = await rows(rig.pool, check["id"])
    assert [row["n"] for row in found] == list(range(1, len(found) + 1))
    assert {row["state"] for row in found} == {"have"}
    (vault,) = (row for row in found if row["vault_name"] == "kv-a")
    assert (vault["could_read_values"], vault["reads_values"]) == ("no", False)


async def test_the_next_look_by_itself_waits_for_its_time(rig: Rig) -> None:
    checkup = a_checkup(rig.pool, rig.outbox, every_hours=1)
    assert await checkup.turn()
    assert not await checkup.turn()

    await rig.pool.execute(
        """
        UPDATE scanner.permission_check SET began_at = began_at - interval '61 minutes'
        """
    )
    assert await checkup.turn()


async def test_zero_hours_means_only_on_request(rig: Rig) -> None:
    checkup = a_checkup(rig.pool, rig.outbox, every_hours=0)

    assert not await checkup.turn()
    await wanted(rig.pool)
    assert await checkup.turn()
    assert (await checks(rig.pool))[0]["requested_by"] == "ada"


async def test_the_first_look_waits_for_the_first_scans_plan(rig: Rig) -> None:
    checkup = a_checkup(rig.pool, rig.outbox, after_scan=True)

    assert not await checkup.turn()
    await rig.request()
    assert await checkup.turn()


async def test_a_request_is_answered_once_however_often_it_is_delivered(rig: Rig) -> None:
    checkup, message = (
        a_checkup(rig.pool, rig.outbox, every_hours=0),
        a_message(PermissionCheckRequested),
    )
    at: datetime = await rig.pool.fetchval("SELECT now()")

    await wanted(rig.pool, at, message)
    await wanted(rig.pool, at, message)
    await wanted(rig.pool, at)
    assert await checkup.turn()
    await wanted(rig.pool, at)

    assert not await checkup.turn()
    assert len(await checks(rig.pool)) == 1


async def test_a_request_that_comes_late_or_after_a_later_one_asks_for_nothing_new(
    rig: Rig,
) -> None:
    checkup = a_checkup(rig.pool, rig.outbox, every_hours=0)
    at: datetime = await rig.pool.fetchval("SELECT now()")
    await wanted(rig.pool, at)
    assert await checkup.turn()

    await wanted(rig.pool, at - timedelta(hours=1))

    assert not await checkup.turn()


async def test_a_senders_clock_that_is_ahead_does_not_make_it_look_for_ever(rig: Rig) -> None:
    checkup = a_checkup(rig.pool, rig.outbox, every_hours=0)
    at: datetime = await rig.pool.fetchval("SELECT now() + interval '1 year'")

    await wanted(rig.pool, at)

    assert await checkup.turn()
    assert not await checkup.turn()


class Slow(FakeProbes):
    """Probes that wait at the end until they are let go."""

    def __init__(self) -> None:
        super().__init__(listed=some_probes().listed)
        self.began, self.go = asyncio.Event(), asyncio.Event()

    async def list_application(self) -> None:
        self.began.set()
        await self.go.wait()


async def test_one_replica_looks_at_a_time(rig: Rig) -> None:
    slow = Slow()
    first = asyncio.create_task(a_checkup(rig.pool, rig.outbox, slow).turn())
    await slow.began.wait()

    assert not await a_checkup(rig.pool, rig.outbox).turn()
    slow.go.set()

    assert await first
    assert len(await checks(rig.pool)) == 1


async def test_a_request_during_a_look_asks_for_another_one(rig: Rig) -> None:
    slow = Slow()
    checkup = a_checkup(rig.pool, rig.outbox, slow, every_hours=0)
    await wanted(rig.pool)
    first = asyncio.create_task(checkup.turn())
    await slow.began.wait()

    await wanted(rig.pool)
    slow.go.set()

    assert await first
    assert await checkup.turn()


async def test_a_replica_that_lost_its_lease_writes_nothing(rig: Rig) -> None:
    slow = Slow()
    late = asyncio.create_task(a_checkup(rig.pool, rig.outbox, slow).turn())
    await slow.began.wait()
    await rig.pool.execute(
        "UPDATE scanner.permission_turn SET lease_until = now() - interval '1 s'"
    )

    assert await a_checkup(rig.pool, rig.outbox).turn()
    slow.go.set()

    assert not await late
    assert len(await checks(rig.pool)) == 1


async def test_a_lease_is_kept_for_as_long_as_the_look_takes(rig: Rig) -> None:
    slow = Slow()
    checkup = a_checkup(rig.pool, rig.outbox, slow, lease_seconds=0.4)
    late = asyncio.create_task(checkup.turn())
    await slow.began.wait()
    sql = "SELECT lease_until FROM scanner.permission_turn"
    first = await rig.pool.fetchval(sql)

    async def renewed() -> bool:
        return await rig.pool.fetchval(sql) != first

    await eventually(renewed)
    slow.go.set()

    assert await late


async def test_a_replica_that_is_stopped_gives_the_lease_back_and_the_old_result_stands(
    rig: Rig,
) -> None:
    assert await a_checkup(rig.pool, rig.outbox).turn()
    (before,) = await checks(rig.pool)
    slow = Slow()
    await wanted(rig.pool)
    stopped = asyncio.create_task(a_checkup(rig.pool, rig.outbox, slow).turn())
    await slow.began.wait()

    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)

    assert await checks(rig.pool) == [before]
    assert await a_checkup(rig.pool, rig.outbox).turn()


async def test_a_crash_before_the_commit_leaves_the_last_result_and_no_event(rig: Rig) -> None:
    assert await a_checkup(rig.pool, rig.outbox).turn()
    await wanted(rig.pool)
    bad = FakeProbes(listed=some_probes().listed, granted=[READER, KEY_VAULT_READER, READS])
    rig.outbox.crash = PermissionChanged

    with pytest.raises(CrashedError):
        await a_checkup(rig.pool, rig.outbox, bad).turn()
    assert len(await checks(rig.pool)) == 1

    rig.outbox.crash = None
    await rig.pool.execute(
        "UPDATE scanner.permission_turn SET lease_until = now() - interval '1 s'"
    )
    assert await a_checkup(rig.pool, rig.outbox, bad).turn()
    told = await rig.outbox.sent(PermissionChanged)
    assert [(event.before, event.could_read_values) for event in told] == [
        (None, Answer.NO),
        (Answer.NO, Answer.YES),
    ]


async def test_an_event_is_published_when_the_answer_changes_and_only_then(rig: Rig) -> None:
    probes = some_probes()
    checkup = a_checkup(rig.pool, rig.outbox, probes, every_hours=0)
    for granted in ([], [], [READS], [READS], []):
        probes.granted = [READER, KEY_VAULT_READER, *granted]
        await wanted(rig.pool)
        assert await checkup.turn()

    told = await rig.outbox.sent(PermissionChanged)

    assert [event.could_read_values for event in told] == [Answer.NO, Answer.YES, Answer.NO]
    assert (told[1].excess, told[1].missing, told[1].unknown) == (1, 0, 0)
    assert told[1].check_id in {check["id"] for check in await checks(rig.pool)}
    audited = await rig.pool.fetchval("SELECT count(*) FROM scanner.permission_check")
    assert audited == 5


async def test_an_identity_that_could_read_values_is_a_warning_and_degrades_the_health(
    rig: Rig,
) -> None:
    assert (await look_at_permissions(rig.pool)).status is Status.OK
    probes = FakeProbes(listed=some_probes().listed, granted=[READER, KEY_VAULT_READER, READS])

    with capture_logs() as said:
        await a_checkup(rig.pool, rig.outbox, probes).turn()

    (warning,) = (entry for entry in said if entry["log_level"] == "warning")
    assert "COULD READ VALUES" in warning["event"]
    assert (warning["vaults"], warning["first"]) == (1, "kv-a")
    found = await look_at_permissions(rig.pool)
    assert found.status is Status.DEGRADED
    assert "COULD READ VALUES" in found.detail


@pytest.mark.parametrize(
    ("granted", "said"), [(None, "is unknown"), ([READER, KEY_VAULT_READER], "no value")]
)
async def test_any_other_answer_is_told_in_the_health_without_alarm(
    rig: Rig, granted: list[Grant] | None, said: str
) -> None:
    probes = some_probes()
    probes.granted = RuntimeError() if granted is None else granted

    await a_checkup(rig.pool, rig.outbox, probes).turn()

    found = await look_at_permissions(rig.pool)
    assert found.status is Status.OK
    assert said in found.detail


async def test_an_identity_that_could_not_be_told_is_written_as_such(rig: Rig) -> None:
    probes = some_probes()
    probes.who = RuntimeError("canary")

    await a_checkup(rig.pool, rig.outbox, probes).turn()

    (check,) = await checks(rig.pool)
    assert check["object_id"] is None
    assert check["could_read_values"] == "unknown"
    assert "canary" not in repr(await rows(rig.pool, check["id"]))


async def test_old_checks_are_forgotten_with_their_rows(rig: Rig) -> None:
    await rig.pool.execute(
        """
        INSERT INTO scanner.permission_check (
            id, began_at, requested_by, could_read_values, vaults, excess, missing, unknown)
        SELECT gen_random_uuid(), now() - make_interval(days => n), 'ada', 'no', 0, 0, 0, 0
        FROM generate_series(2, $1) AS n
        """,
        MOST_KEPT + 5,
    )

    assert await a_checkup(rig.pool, rig.outbox).turn()

    found = await checks(rig.pool)
    assert len(found) == MOST_KEPT
    assert found[-1]["vaults"] == 1


async def test_a_lease_that_nobody_holds_cannot_be_renewed(rig: Rig) -> None:
    assert not await permissions.renew_turn(rig.pool, uuid4(), lease_seconds=1)
