"""Planning a scan: what there is to look at, cut into shards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.outcome import NO_SUBSCRIPTION, unseen_subscription
from services.scanner.domain.sharding import Presence, Shard, Source, shards
from services.scanner.ports import Estate, Outbox
from services.scanner.steps.conclude import conclude_if_done
from services.scanner.store import estate as sources_store
from services.scanner.store import scans
from services.scanner.store.scans import Scan
from shared.database import Connection, Pool
from shared.events.scanning import ScanShardRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the control plane shows: subscriptions that can be seen, the vaults of those in scope.

    `unseen` were asked for and cannot be seen.
    """

    subscriptions: tuple[Subscription, ...]
    in_scope: frozenset[str]
    unseen: tuple[str, ...]
    vaults: tuple[VaultRef, ...]


async def survey(estate: Estate, asked: Sequence[str]) -> Survey:
    """Ask the control plane. `asked` names subscriptions; none means all.

    What is listed twice, as happens while somebody moves or makes a vault, counts as listed last.
    """
    visible = {one.id.lower(): one for one in await estate.subscriptions()}
    wanted = dict.fromkeys(name.lower() for name in asked)
    in_scope = [visible[name].id for name in wanted or visible if name in visible]
    vaults = {vault.uri.rstrip("/").lower(): vault for vault in await estate.vaults(in_scope)}
    return Survey(
        subscriptions=tuple(visible.values()),
        in_scope=frozenset(in_scope),
        unseen=tuple(name for name in wanted if name not in visible),
        vaults=tuple(vaults.values()),
    )


async def plan(pool: Pool, outbox: Outbox, scan: Scan, found: Survey, *, assignee: str) -> None:
    """Write the plan of a requested scan and send its shards; once, whoever else is planning it."""
    async with pool.transaction() as conn:
        locked = await scans.lock_scan(conn, scan.id)
        if locked is None or locked.state != scans.REQUESTED:
            return
        everything = not scan.subscription_ids
        cut = shards(await _sources(conn, found, everything=everything))
        await scans.add_plan(conn, scan.id, cut, notes(found, assignee))
        await send_shards(conn, outbox, scan, [shard.shard_id for shard in cut])
        await conclude_if_done(conn, outbox, scan.id)


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


async def _sources(conn: Connection, found: Survey, *, everything: bool) -> list[Source]:
    """Return what is to be looked at: the listed vaults, those known before, the directory."""
    await sources_store.save_subscriptions(conn, found.subscriptions)
    listed = await sources_store.save_vaults(conn, found.vaults)
    scope = None if everything else [*found.in_scope, *found.unseen]
    others = await sources_store.list_others(conn, [one.vault_id for one in listed], scope)
    others = [replace(one, presence=_presence(one, found)) for one in others]
    directory = [await sources_store.save_directory(conn)] if everything else []
    return [*listed, *others, *directory]


def _presence(source: Source, found: Survey) -> Presence:
    return Presence.MISSING if source.subscription_id in found.in_scope else Presence.UNSEEN


def notes(found: Survey, assignee: str) -> list[str]:
    """Return the sentences on what could not even be listed."""
    if not found.subscriptions and not found.unseen:
        return [NO_SUBSCRIPTION]
    return [unseen_subscription(subscription_id, assignee) for subscription_id in found.unseen]
