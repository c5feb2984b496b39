"""Messages in, decisions recorded, events out. No rule and no SDK lives here.

What makes a second delivery harmless is the state in the tables: a scan is planned once, a source
has one outcome in a scan, a scan ends once.
"""

from collections.abc import Callable
from typing import Final

from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee
from services.scanner.domain.status import DEFAULT, Thresholds
from services.scanner.ports import Estate, Grants, Outbox
from services.scanner.steps.begin import add_scan
from services.scanner.steps.change_subscription import change_subscription
from services.scanner.steps.change_threshold import change_threshold
from services.scanner.steps.conclude import conclude_if_done, fail_scan
from services.scanner.steps.grants import list_grants
from services.scanner.steps.plan import EVERYTHING, plan, plan_one, survey
from services.scanner.steps.record import Recorder
from services.scanner.steps.recur import check
from services.scanner.steps.second_pass import SecondPass, end_listing
from services.scanner.steps.visit import Visitor
from services.scanner.store import estate as sources
from services.scanner.store import looks, permissions, scans, schedules, shards
from services.scanner.store.scans import Scan
from services.scanner.store.shards import Stage
from shared.bus import Message, inbox
from shared.clouds.errors import CloudError
from shared.database import Pool
from shared.errors import PermanentError, TransientError
from shared.events import (
    PermissionCheckRequested,
    RotationPublished,
    ScanDetailsRequested,
    ScanRequested,
    ScanScheduleRequested,
    ScanShardRequested,
    SubscriptionChangeRequested,
    ThresholdChangeRequested,
)
from shared.events.scanning import ScanMode
from shared.selector import Selector

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
    grants: Grants | None = None,
    assignee: Assignee = UNKNOWN_ASSIGNEE,
    scope: Selector = EVERYTHING,
) -> None:
    """Begin a scan: list what there is, write the plan, send its shards.

    A control plane that cannot be asked ends the scan as failed, with the reason.
    """
    scan = _scan(event, message)
    async with pool.transaction() as conn:
        await add_scan(conn, scan, message.time)
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
        granted = await list_grants(grants, sorted(found.in_scope))
        await plan(pool, outbox, scan, found, assignee=assignee, scope=scope, grants=granted)


async def on_scan_shard_requested(
    event: ScanShardRequested,
    message: Message,
    *,
    pool: Pool,
    outbox: Outbox,
    visitor: Visitor,
    second_pass: SecondPass,
    thresholds: Thresholds = DEFAULT,
    on_listed: Callable[[], None] = lambda: None,
) -> None:
    """Look at a shard's sources that have no outcome yet; after the last shard ask for details.

    Raises `PermanentError` for a shard that nobody planned.
    """
    scan, _ = await _planned(pool, event)
    recorder = _recorder(pool, outbox, scan, second_pass, thresholds)
    async with pool.acquire() as conn:
        pending = await looks.list_pending(conn, scan.id, event.shard_id)
    await visitor.visit_all(recorder, pending)
    async with pool.transaction() as conn:
        await inbox.claim(conn, message, on_scan_shard_requested.__name__)
        if await looks.list_pending(conn, scan.id, event.shard_id):
            raise TransientError(
                f"Shard {event.shard_id} of scan {scan.id} has sources without an outcome; it goes"
                " on with them when it is delivered again."
            )
        all_listed = await end_listing(conn, outbox, scan, event.shard_id, second_pass)
    if all_listed:
        on_listed()


async def on_scan_details_requested(
    event: ScanDetailsRequested,
    message: Message,
    *,
    pool: Pool,
    outbox: Outbox,
    second_pass: SecondPass,
) -> None:
    """Read what the listings of a shard did not tell; end the scan if it was the last.

    Without effect for a shard that is done, or has listings left: they ask when they are complete.
    Raises `PermanentError` for a shard that nobody planned.
    """
    scan, stage = await _planned(pool, event)
    if stage.finished or not stage.listed:
        return
    recorder = _recorder(pool, outbox, scan, second_pass)
    await second_pass.run(recorder, event.shard_id)
    async with pool.transaction() as conn:
        await inbox.claim(conn, message, on_scan_details_requested.__name__)
        await shards.finish_shard(conn, scan.id, event.shard_id)
        await conclude_if_done(conn, outbox, scan.id)


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
        await add_scan(conn, scan, message.time)
        await plan_one(conn, outbox, scan, source)


async def on_permission_check_requested(
    event: PermissionCheckRequested, message: Message, *, pool: Pool, on_wanted: Callable[[], None]
) -> None:
    """Note since when somebody waits for a look at the permissions, and begin one if none runs."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, on_permission_check_requested.__name__):
            await permissions.want(conn, event.requested_at, event.requested_by)
    on_wanted()


async def on_scan_schedule_requested(
    event: ScanScheduleRequested, message: Message, *, pool: Pool
) -> None:
    """Write a schedule as it was asked for; what comes after a later change is without effect.

    Raises `PermanentError` for one that could never run.
    """
    check(event)
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, on_scan_schedule_requested.__name__):
            await schedules.save_schedule(conn, event)


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


async def on_subscription_change_requested(
    event: SubscriptionChangeRequested, message: Message, *, pool: Pool
) -> None:
    """Note whether scans look at a subscription; the next one goes by it."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, on_subscription_change_requested.__name__):
            await change_subscription(conn, event, message)


def _scan(event: ScanRequested, message: Message) -> Scan:
    return Scan(
        id=event.scan_id,
        mode=event.mode,
        state=scans.REQUESTED,
        subscription_ids=event.subscription_ids,
        requested_by=event.requested_by,
        correlation_id=message.correlation_id,
        selector=event.selector,
    )


async def _planned(
    pool: Pool, event: ScanShardRequested | ScanDetailsRequested
) -> tuple[Scan, Stage]:
    async with pool.acquire() as conn:
        scan = await scans.get_scan(conn, event.scan_id)
        stage = await shards.get_stage(conn, event.scan_id, event.shard_id)
    if scan is None or stage is None:
        raise PermanentError(
            f"Shard {event.shard_id} of scan {event.scan_id} is not planned here, so it cannot be"
            " done; request a new scan."
        )
    return scan, stage


def _recorder(
    pool: Pool,
    outbox: Outbox,
    scan: Scan,
    second_pass: SecondPass,
    thresholds: Thresholds = DEFAULT,
) -> Recorder:
    return Recorder(
        pool=pool,
        outbox=outbox,
        scan_id=scan.id,
        mode=scan.mode,
        thresholds=thresholds,
        calls=second_pass.enricher.calls,
    )
