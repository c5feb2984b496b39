"""Scans that come by themselves: the default schedule, changes of schedules, and their turns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from services.scanner.domain import recurring
from services.scanner.ports import Outbox
from services.scanner.steps.begin import add_scan
from services.scanner.store import scans, schedules
from services.scanner.store.locks import Task, try_task
from services.scanner.store.looks import get_time
from services.scanner.store.scans import Scan
from services.scanner.store.schedules import Schedule
from shared.cron import CronError, Recurrence
from shared.database import Connection, Pool
from shared.errors import PermanentError
from shared.events import ScanRequested, ScanScheduleRequested
from shared.selector import SelectorError, parse_scope
from shared.telemetry import get_logger

logger = get_logger(__name__)

DEFAULT_SCHEDULE: Final[UUID] = uuid5(NAMESPACE_URL, "certifyclouds:default-schedule")
DEFAULT_JITTER_SECONDS: Final = 600


async def seed_schedule(pool: Pool, cron: str) -> bool:
    """Make the default schedule unless there ever was one; return whether it was made."""
    asked = ScanScheduleRequested(
        schedule_id=DEFAULT_SCHEDULE,
        revision=1,
        name="default",
        cron=cron,
        jitter_seconds=DEFAULT_JITTER_SECONDS,
        requested_by="first start",
    )
    async with pool.transaction() as conn:
        if await schedules.any_schedule(conn):
            return False
        return await schedules.save_schedule(conn, asked)


def check(asked: ScanScheduleRequested) -> None:
    """Raise `PermanentError` for a schedule that could never run."""
    try:
        Recurrence(asked.cron, asked.time_zone)
        parse_scope(asked.selector)
    except (CronError, SelectorError) as error:
        raise PermanentError(f"Schedule “{asked.name}” cannot run: {error}") from error
    if asked.jitter_seconds < 0:
        raise PermanentError(f"Schedule “{asked.name}” cannot run: its jitter is less than none.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Starts the scans whose time has come; one replica at a time does a turn."""

    pool: Pool
    outbox: Outbox

    async def turn(self, now: datetime | None = None) -> int:
        """Look at every schedule once and return how many scans were started.

        The time is the database's, unless `now` is given.
        """
        async with self.pool.transaction() as conn:
            if not await try_task(conn, Task.SCAN_SCHEDULES):
                return 0
            moment = now or await get_time(conn)
            started = 0
            for schedule in await schedules.lock_schedules(conn):
                started += await self._turn(conn, schedule, moment)
            return started

    async def _turn(self, conn: Connection, schedule: Schedule, now: datetime) -> bool:
        decided = recurring.turn(
            schedule.id,
            Recurrence(schedule.cron, schedule.time_zone),
            next_at=schedule.next_at,
            jitter_seconds=schedule.jitter_seconds,
            now=now,
        )
        if decided.next_at != schedule.next_at:
            await schedules.save_next(conn, schedule.id, decided.next_at)
        if decided.due is None:
            return False
        if not await schedules.claim_time(conn, schedule.id, decided.due, now):
            return False
        return await self._start(conn, schedule, decided.due, now)

    async def _start(
        self, conn: Connection, schedule: Schedule, due: datetime, now: datetime
    ) -> bool:
        """Start the scan of a time, unless the schedule's former one still runs."""
        running = await self._running(conn, schedule)
        if running:
            note = f"No scan was started for this time: scan {running} still ran."
            logger.warning("a scheduled scan was left out", schedule=schedule.name, running=running)
            await schedules.save_run(conn, schedule.id, due, scan_id=None, note=note)
            return False
        scan = Scan(
            id=recurring.scan_id(schedule.id, due),
            mode=schedule.mode,
            state=scans.REQUESTED,
            subscription_ids=schedule.subscription_ids,
            requested_by=f"schedule {schedule.name}",
            correlation_id=uuid4(),
            selector=schedule.selector,
            schedule_id=schedule.id,
        )
        started = await add_scan(conn, scan, now)
        if started:
            event = ScanRequested(
                scan_id=scan.id,
                mode=scan.mode,
                subscription_ids=scan.subscription_ids,
                selector=scan.selector,
                requested_by=scan.requested_by,
            )
            await self.outbox.emit(event, connection=conn, correlation_id=scan.correlation_id)
        await schedules.save_run(conn, schedule.id, due, scan_id=scan.id, note=None)
        return started

    async def _running(self, conn: Connection, schedule: Schedule) -> UUID | None:
        if schedule.last_scan_id is None:
            return None
        last = await scans.get_scan(conn, schedule.last_scan_id)
        return last.id if last and last.state != scans.COMPLETED else None
