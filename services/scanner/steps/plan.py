"""Planning a scan: what there is to look at, cut into shards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.outcome import (
    NO_SUBSCRIPTION,
    unlisted_subscription,
    unseen_subscription,
)
from services.scanner.domain.remedy import Assignee, grant_reader
from services.scanner.domain.scope import Cut, Place, divide, nothing_fits
from services.scanner.domain.sharding import Presence, Shard, Source, shards
from services.scanner.ports import Estate, GrantListing, Outbox, PartlyListedError
from services.scanner.steps.conclude import conclude_if_done, fail_scan
from services.scanner.steps.grants import save_grants
from services.scanner.store import estate as sources_store
from services.scanner.store import scans
from services.scanner.store.scans import Scan
from services.scanner.store.subscriptions import list_unwatched
from services.scanner.store.vaults import save_vaults
from shared.clouds.errors import AccessDeniedError, CloudError
from shared.database import Connection, Pool
from shared.events.scanning import ScanShardRequested
from shared.selector import Selector, SelectorError, parse_scope

EVERYTHING: Final = Selector()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the control plane shows: subscriptions that can be seen, the vaults of those in scope.

    `in_scope` were asked for, or all were; of them the vaults of those in `unlisted` could not be
    listed. `unseen` were asked for and cannot be seen.
    """

    subscriptions: tuple[Subscription, ...]
    in_scope: frozenset[str]
    unseen: tuple[str, ...]
    vaults: tuple[VaultRef, ...]
    unlisted: Mapping[str, CloudError] = field(default_factory=dict)


async def survey(estate: Estate, asked: Sequence[str]) -> Survey:
    """Ask the control plane. `asked` names subscriptions; none means all.

    What is listed twice, as happens while somebody moves or makes a vault, counts as listed last.
    """
    visible = {one.id.lower(): one for one in await estate.subscriptions()}
    wanted = dict.fromkeys(name.lower() for name in asked)
    in_scope = [visible[name].id for name in wanted or visible if name in visible]
    unlisted: Mapping[str, CloudError] = {}
    try:
        listed: Sequence[VaultRef] = await estate.vaults(in_scope)
    except PartlyListedError as partly:
        listed, unlisted = partly.vaults, partly.failures
    vaults = {vault.uri.rstrip("/").lower(): vault for vault in listed}
    return Survey(
        subscriptions=tuple(visible.values()),
        in_scope=frozenset(in_scope),
        unseen=tuple(name for name in wanted if name not in visible),
        vaults=tuple(vaults.values()),
        unlisted=unlisted,
    )


async def plan(
    pool: Pool,
    outbox: Outbox,
    scan: Scan,
    found: Survey,
    *,
    assignee: Assignee,
    scope: Selector = EVERYTHING,
    grants: GrantListing | None = None,
) -> None:
    """Write the plan of a requested scan and send its shards; once, whoever else is planning it.

    What the control plane told is recorded with it, `grants` where they were asked for. `scope` is
    the installation's; a scan with a selector that cannot be read fails and says why.
    """
    async with pool.transaction() as conn:
        locked = await scans.lock_scan(conn, scan.id)
        if locked is None or locked.state != scans.REQUESTED:
            return
        try:
            selector = parse_scope(scan.selector)
        except SelectorError as error:
            await fail_scan(conn, outbox, scan.id, str(error))
            return
        places, unwatched = await _places(conn, scan, found), await list_unwatched(conn)
        divided = divide(places, selector, scope, unwatched)
        await _note_scope(conn, divided)
        cut = shards(place.source for place in divided.places)
        if grants is not None:
            await save_grants(conn, grants, found.subscriptions, assignee)
        sentences = notes(found, assignee)
        if not cut and not sentences and (selector or scope or unwatched):
            sentences = [nothing_fits(selector, scope, unwatched=bool(unwatched))]
        await scans.add_plan(conn, scan.id, cut, sentences, excluded=len(divided.excluded))
        await send_shards(conn, outbox, scan, [shard.shard_id for shard in cut])
        await conclude_if_done(conn, outbox, scan.id)


async def _note_scope(conn: Connection, divided: Cut) -> None:
    """Record which sources are left out by choice: excluded is neither deleted nor unreadable."""
    await sources_store.save_excluded(
        conn,
        [place.source.vault_id for place in divided.places],
        [place.source.vault_id for place in divided.excluded],
    )


async def plan_one(conn: Connection, outbox: Outbox, scan: Scan, source: Source) -> None:
    """Write the plan of a scan of one source that is known, in the caller's transaction."""
    cut = [
        Shard(
            shard_id=1,
            subscription_id=source.subscription_id,
            region=source.region,
            sources=(source,),
        )
    ]
    await scans.add_plan(conn, scan.id, cut, [])
    await send_shards(conn, outbox, scan, [1])


async def send_shards(
    conn: Connection, outbox: Outbox, scan: Scan, shard_ids: Sequence[int]
) -> None:
    """Ask for shards to be done: by whichever replica is free."""
    for shard_id in shard_ids:
        event = ScanShardRequested(scan_id=scan.id, shard_id=shard_id)
        await outbox.emit(event, connection=conn, correlation_id=scan.correlation_id)


async def _places(conn: Connection, scan: Scan, found: Survey) -> list[Place]:
    """Return what there is to look at: the listed vaults, those known before, the directory."""
    await sources_store.save_subscriptions(conn, found.subscriptions)
    listed = {one.vault_id for one in await save_vaults(conn, found.vaults, scan.id)}
    if not scan.subscription_ids:
        listed.add((await sources_store.save_directory(conn)).vault_id)
    asked = [*found.in_scope, *found.unseen] if scan.subscription_ids else None
    known = await sources_store.list_places(conn, asked)
    return [
        place
        if place.source.vault_id in listed
        else replace(place, source=replace(place.source, presence=_presence(place.source, found)))
        for place in known
    ]


def _presence(source: Source, found: Survey) -> Presence:
    listed = found.in_scope - found.unlisted.keys()
    return Presence.MISSING if source.subscription_id in listed else Presence.UNSEEN


def notes(found: Survey, assignee: Assignee) -> list[str]:
    """Return the sentences on what could not even be listed."""
    if not found.subscriptions and not found.unseen:
        return [NO_SUBSCRIPTION]
    unseen = [unseen_subscription(subscription_id, assignee) for subscription_id in found.unseen]
    return [
        *unseen,
        *(
            unlisted_subscription(
                subscription_id, str(error), _advice(subscription_id, error, assignee)
            )
            for subscription_id, error in found.unlisted.items()
        ),
    ]


def _advice(subscription_id: str, error: CloudError, assignee: Assignee) -> str:
    """Return the command where a role is missing, or else what the error says."""
    if isinstance(error, AccessDeniedError):
        return grant_reader(f"/subscriptions/{subscription_id}", assignee)
    return error.remedy
