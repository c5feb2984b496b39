"""The expiry sweep: which steps were crossed, announced once each."""

from datetime import datetime
from typing import Final

from services.scanner.domain.rule import RuleBook
from services.scanner.domain.status import DEFAULT, Thresholds, judge
from services.scanner.domain.threshold import decide
from services.scanner.ports import Outbox
from services.scanner.store import announcements
from services.scanner.store import thresholds as rules
from services.scanner.store.announcements import Due
from services.scanner.store.locks import Task, try_task
from services.scanner.store.looks import get_time
from shared.database import Connection, Pool
from shared.events import CredentialRef, SecretExpiring

BATCH: Final = 200


async def sweep(
    pool: Pool, outbox: Outbox, *, thresholds: Thresholds = DEFAULT, now: datetime | None = None
) -> int:
    """Announce what came closer to its end than a step, and return how many were announced.

    The time is the database's, unless `now` is given. Without the lease nothing is done: another
    replica is at it.
    """
    announced = 0
    while True:
        async with pool.transaction() as conn:
            if not await try_task(conn, Task.EXPIRY_SWEEP):
                return announced
            moment = now or await get_time(conn)
            if await announcements.note_clock(conn, moment):
                await announcements.wake_superseded(conn)
            due = await announcements.list_due(conn, moment, limit=BATCH)
            book = RuleBook(await rules.list_rules(conn), thresholds)
            announced += await _announce(conn, outbox, due, moment, book)
        if len(due) < BATCH:
            return announced


async def _announce(
    conn: Connection, outbox: Outbox, due: list[Due], now: datetime, book: RuleBook
) -> int:
    announced = 0
    looks = []
    for one in due:
        thresholds = book.resolve(one.place)
        decision = decide(
            one.item,
            siblings=one.siblings,
            recorded=one.recorded,
            now=now,
            thresholds=thresholds,
        )
        looks.append((one.item_id, decision.look_at))
        step = decision.announce
        if step is None:
            continue
        if await announcements.add_steps(conn, one, announced=step, passed=decision.passed):
            await outbox.emit(_event(one, step, now, thresholds), connection=conn)
            announced += 1
    await announcements.save_looks(conn, looks)
    return announced


def _event(due: Due, step: int, now: datetime, thresholds: Thresholds) -> SecretExpiring:
    expires_on = due.item.expires_on
    if expires_on is None:
        raise ValueError("An item without an expiry has no step to announce.")
    return SecretExpiring(
        credential=CredentialRef(
            item_id=due.item_id,
            kind=due.item.kind,
            name=due.item.name,
            container=due.container,
            subscription_id=due.place.subscription_id,
        ),
        expires_on=expires_on,
        threshold_days=step,
        status=judge(due.item, now, thresholds).value,
    )
