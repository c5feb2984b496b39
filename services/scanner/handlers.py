"""Messages in, decisions recorded, events out. No rule and no SDK lives here.

What makes a second delivery harmless is the state in the tables: a scan is planned once, a source
has one outcome in a scan, a scan ends once.
"""

from collections.abc import Callable
from typing import Final

from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE
from services.scanner.domain.status import DEFAULT, Thresholds
from services.scanner.ports import Estate, Outbox
from services.scanner.steps.change_threshold import change_threshold
from services.scanner.steps.conclude import conclude_if_done, fail_scan
from services.scanner.steps.plan import plan, plan_one, survey
from services.scanner.steps.record import Recorder
from services.scanner.steps.visit import Visitor
from services.scanner.store import estate as sources
from services.scanner.store import looks, scans
from services.scanner.store.scans import Scan
from shared.audit import Action, AuditEntry, record
from shared.bus import Message, inbox
from shared.clouds.errors import CloudError
from shared.database import Connection, Pool
from shared.errors import PermanentError, TransientError
from shared.events import (
    RotationPublished,
    ScanRequested,
    ScanShardRequested,
    ThresholdChangeRequested,
)
from shared.events.scanning import ScanMode

# A control plane that does not answer is asked again twice. Then the scan ends with the reason,
# because somebody waits for it.
LAST_ATTEMPT: Final = 2


async def on_scan_requested(
    event: ScanRequested,
    message: Message,
    *,
    pool: Pool,
    outbox: Outbox,
    estate: Estate,
    assignee: str = UNKNOWN_ASSIGNEE,
) -> None:
    """Begin a scan: list what there is, write the plan, send its shards.

    A control plane that cannot be asked ends the scan as failed, with the reason.
    """
    scan = _scan(event, message)
    async with pool.transaction() as conn:
        if await scans.add_scan(conn, scan, message.time):
            await _note_start(conn, scan)
        known = await scans.get_scan(conn, scan.id)
    if known is None or known.state != scans.REQUESTED:
        return
    try:
        found = await survey(estate, scan.subscription_ids)
    except CloudError as error:
        if isinstance(error, TransientError) and message.attempt < LAST_ATTEMPT:
            raise
        async with pool.transaction() as conn:
            await fail_scan(conn, outbox, scan.id, f"{error} {error.remedy}".strip())
    else:
        await plan(pool, outbox, scan, found, assignee=assignee)


async def on_scan_shard_requested(
    event: ScanShardRequested,
    message: Message,
    *,
    pool: Pool,
    outbox: Outbox,
    visitor: Visitor,
    thresholds: Thresholds = DEFAULT,
    on_completed: Callable[[], None] = lambda: None,
) -> None:
    """Look at a shard's sources that have no outcome yet; end the scan if this was the last shard.

    Raises `PermanentError` for a shard that nobody planned.
    """
    async with pool.acquire() as conn:
        scan = await scans.get_scan(conn, event.scan_id)
        planned = await scans.has_shard(conn, event.scan_id, event.shard_id)
        pending = await looks.list_pending(conn, event.scan_id, event.shard_id) if planned else []
    if scan is None or not planned:
        raise PermanentError(
            f"Shard {event.shard_id} of scan {event.scan_id} is not planned here, so it cannot be"
            " done; request a new scan."
        )
    recorder = Recorder(
        pool=pool, outbox=outbox, scan_id=scan.id, mode=scan.mode, thresholds=thresholds
    )
    await visitor.visit_all(recorder, pending)
    async with pool.transaction() as conn:
        await inbox.claim(conn, message, on_scan_shard_requested.__name__)
        if not await scans.finish_shard(conn, scan.id, event.shard_id):
            raise TransientError(
                f"Shard {event.shard_id} of scan {scan.id} has sources without an outcome; it goes"
                " on with them when it is delivered again."
            )
        completed = await conclude_if_done(conn, outbox, scan.id)
    if completed:
        on_completed()


async def on_rotation_published(
    event: RotationPublished, message: Message, *, pool: Pool, outbox: Outbox
) -> None:
    """Look at the one source that holds the new credential: a scan of its own, planned at once.

    Raises `PermanentError` for a credential that the inventory does not hold.
    """
    item_id = event.credential.item_id
    async with pool.transaction() as conn:
        if not await inbox.claim(conn, message, on_rotation_published.__name__):
            return
        source = await sources.get_source_of_item(conn, item_id)
        if source is None:
            raise PermanentError(
                f"Item {item_id} ({event.credential.name}) is in no vault known here, so the new"
                " credential's vault cannot be looked at; request a full scan."
            )
        scan = Scan(
            id=message.id,
            mode=ScanMode.DELTA,
            state=scans.REQUESTED,
            subscription_ids=(),
            requested_by=f"rotation {event.rotation_id}",
            correlation_id=message.correlation_id,
        )
        await scans.add_scan(conn, scan, message.time)
        await _note_start(conn, scan)
        await plan_one(conn, outbox, scan, source)


async def on_threshold_change_requested(
    event: ThresholdChangeRequested,
    message: Message,
    *,
    pool: Pool,
    on_changed: Callable[[], None] = lambda: None,
) -> None:
    """Store a rule on thresholds; the items in its scope are judged anew after it."""
    async with pool.transaction() as conn:
        if not await inbox.claim(conn, message, on_threshold_change_requested.__name__):
            return
        changed = await change_threshold(conn, event, message)
    if changed:
        on_changed()


def _scan(event: ScanRequested, message: Message) -> Scan:
    return Scan(
        id=event.scan_id,
        mode=event.mode,
        state=scans.REQUESTED,
        subscription_ids=event.subscription_ids,
        requested_by=event.requested_by,
        correlation_id=message.correlation_id,
    )


async def _note_start(conn: Connection, scan: Scan) -> None:
    entry = AuditEntry(
        action=Action.SCAN_STARTED,
        actor=scan.requested_by,
        subject=str(scan.id),
        correlation_id=scan.correlation_id,
        scope=scan.mode.value,
    )
    await record(conn, entry)
