"""A service reaches its own queues and nobody else's, whatever statement it sends."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import pytest

from shared.bus import store, topology
from shared.database import Pool
from shared.events import ScanRequested
from tests.support.bus import Rig, a_scan_request, valid_headers

SCANS = topology.queue_name("scanner", ScanRequested)
Act = Callable[[Pool, store.Claimed], Awaitable[object]]


async def as_scanner(rig: Rig) -> store.Claimed:
    """Publish an event and take it as its rightful consumer."""
    await rig.emit("gateway", a_scan_request())
    pool = await rig.pool("scanner")
    (claimed,) = await store.claim(
        pool, SCANS, limit=1, lease=uuid4(), seconds=60, delivery_limit=20
    )
    return claimed


async def test_nobody_claims_from_another_s_queue(embedded: Rig) -> None:
    await embedded.emit("gateway", a_scan_request())
    for role in ("rotator", "syncer", "alerting", "licensing", "gateway"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="does not own the queue"):
            await store.claim(
                await embedded.pool(role),
                SCANS,
                limit=1,
                lease=uuid4(),
                seconds=60,
                delivery_limit=20,
            )


@pytest.mark.parametrize(
    "act",
    [
        lambda pool, held: store.complete(pool, [held]),
        lambda pool, held: store.retry(pool, held.seq, held.lease, 0.0),
        lambda pool, held: store.release(pool, [held.seq], held.lease),
        lambda pool, held: store.bury(pool, held.seq, held.lease, "reason", "description"),
        lambda pool, held: store.renew(pool, [held], 60),
        lambda pool, _: store.due(pool, [SCANS]),
    ],
    ids=["complete", "retry", "release", "bury", "renew", "due"],
)
async def test_knowing_another_s_lease_is_of_no_use(embedded: Rig, act: Act) -> None:
    claimed = await as_scanner(embedded)

    assert not await act(await embedded.pool("rotator"), claimed)
    assert await store.complete(await embedded.pool("scanner"), [claimed]) == {claimed.seq}


async def test_nobody_counts_what_waits_for_another(embedded: Rig) -> None:
    await embedded.emit("gateway", a_scan_request())

    assert await store.waiting(await embedded.pool("rotator"), [SCANS]) == (0, 0.0)
    assert (await store.waiting(await embedded.pool("scanner"), [SCANS]))[0] == 1


async def test_nobody_publishes_in_another_s_name(embedded: Rig) -> None:
    event = a_scan_request()
    headers = valid_headers(event)
    assert headers["ce-source"] == "gateway"
    pool = await embedded.pool("scanner")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="cannot publish as gateway"):
        async with pool.transaction() as conn:
            await store.publish(
                conn,
                message_id=uuid4(),
                wire_type=event.type,
                headers=headers,
                body=b"{}",
                deliver_at=None,
            )


async def test_only_the_gateway_operates_the_queues(embedded: Rig) -> None:
    for role in ("scanner", "rotator", "syncer", "alerting", "licensing"):
        async with embedded.database.connection(role) as conn:
            for statement in (
                "SELECT queue FROM bus.depths()",
                "SELECT queue FROM bus.queue_depths()",
                "SELECT queue FROM bus.dead_letters(NULL, 10)",
                "SELECT queue FROM bus.dead_letter('scanner.x', gen_random_uuid())",
                "SELECT bus.replay('scanner.x', NULL)",
                "SELECT bus.purge('scanner.x', NULL)",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await conn.execute(statement)


async def test_no_service_touches_the_tables(embedded: Rig) -> None:
    async with embedded.database.connection() as conn:
        rows = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'bus'")
    tables = [row["tablename"] for row in rows if not row["tablename"].startswith("alembic")]
    assert {"backend", "subscription", "message", "delivery", "dead_letter"} <= set(tables)
    async with embedded.database.connection() as conn:
        for role in ("scanner", "rotator", "syncer", "alerting", "licensing", "gateway"):
            for table in ("backend", "subscription", "message", "delivery", "dead_letter"):
                for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                    allowed = await conn.fetchval(
                        "SELECT has_table_privilege($1, $2, $3)", role, f"bus.{table}", privilege
                    )
                    assert not allowed, (role, table, privilege)


async def test_functions_that_act_as_their_owner_are_the_owner_s_and_search_nowhere_else(
    embedded: Rig,
) -> None:
    async with embedded.database.connection() as conn:
        rows = await conn.fetch(
            """
            SELECT p.proname, pg_get_userbyid(p.proowner) AS owner, p.prosecdef,
                   p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE') AS open
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname = 'bus'
            """
        )
    assert len(rows) >= 18
    for row in rows:
        assert row["owner"] == "bus_owner", row["proname"]
        assert row["proconfig"] == ["search_path=pg_catalog, pg_temp"], row["proname"]
        assert not row["open"], row["proname"]
    inner = {row["proname"] for row in rows if not row["prosecdef"]}
    assert inner == {"check_owner", "is_mine", "routes"}
