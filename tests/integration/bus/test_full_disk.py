"""A database without disk space: refused with what to do, and nothing is lost."""

import pytest

from shared.bus import Message
from shared.errors import TransientError
from shared.events import ScanRequested
from shared.health import Status
from tests.support.bus import Rig, Seen, a_scan_request, until
from tests.support.bus_state import health, status_is

DISK_IS_FULL = """
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER disk_is_full BEFORE INSERT ON bus.message
        FOR EACH ROW EXECUTE FUNCTION public.refuse();
    CREATE TRIGGER disk_is_full BEFORE INSERT OR UPDATE ON bus.heartbeat
        FOR EACH ROW EXECUTE FUNCTION public.refuse();
"""


async def test_a_database_without_disk_space_refuses_with_what_to_do_and_shows_in_health(
    rig: Rig,
) -> None:
    seen = Seen()
    async with rig.consumer("scanner", ScanRequested, seen) as scanner:
        gateway, pool = await rig.make("gateway"), await rig.pool("gateway")
        async with rig.database.connection() as conn:
            await conn.execute(DISK_IS_FULL)
            try:
                with pytest.raises(TransientError, match="Free space on the volume"):
                    async with pool.transaction() as inside:
                        await gateway.emit(a_scan_request(), connection=inside)
                with pytest.raises(TransientError, match="53100"):
                    await scanner.beat("test")
                found = [gateway.troubles(), scanner.troubles(), (await health(scanner)).status]
            finally:
                await conn.execute("DROP FUNCTION public.refuse() CASCADE")
        await scanner.beat("test")
        (event_id,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: seen.messages)
        assert await status_is(scanner, Status.OK)

    assert [sentence[:38] for sentence in found[0] + found[1]] == [  # type: ignore[operator]
        "The database has no disk space left (S"
    ] * 2
    assert found[2] is Status.DEGRADED
    assert [message.id for message in seen.messages] == [event_id]


async def test_a_handler_that_finds_the_disk_full_is_tried_again(rig: Rig) -> None:
    pool, tries = await rig.pool("scanner"), []

    async def store(_: ScanRequested, message: Message) -> None:
        tries.append(message.attempt)
        if message.attempt == 0:
            await pool.execute("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$")

    async with rig.consumer("scanner", ScanRequested, store):
        await rig.emit("gateway", a_scan_request())
        await until(lambda: len(tries) == 2)
    assert await rig.dead_letters() == []
