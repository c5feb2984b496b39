"""Writing what a look came to.

One transaction holds the items, the change feed, the scan's checkpoint and the event.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.scanner.domain.calls import Calls
from services.scanner.domain.changes import Change, What, compare
from services.scanner.domain.inventory import Item
from services.scanner.domain.rule import Place, RuleBook
from services.scanner.domain.sharding import Presence
from services.scanner.domain.status import DEFAULT, Thresholds, windows
from services.scanner.ports import Outbox
from services.scanner.steps.gather import Listing
from services.scanner.steps.read import UnreadableError
from services.scanner.steps.record_directory import record_objects
from services.scanner.store import directory, inventory, looks, passes, staging, thresholds
from services.scanner.store.inventory import NOTHING, Known, Span
from services.scanner.store.locks import lock_rules
from services.scanner.store.looks import Result, Standing
from shared.database import Connection, Pool
from shared.events.scanning import ScanMode, VaultOutcome, VaultScanned


class UnsureError(Exception):
    """Known items are not in a listing that may have been cut off: it is to be made once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes the outcomes of one scan's looks."""

    pool: Pool
    outbox: Outbox
    scan_id: UUID
    mode: ScanMode
    thresholds: Thresholds = DEFAULT
    calls: Calls = field(default_factory=Calls)

    async def listing(self, vault_id: int, listing: Listing) -> Result | None:
        """Write a complete listing; None when this scan has an outcome for the source already.

        Raises `UnsureError`, and has written nothing, if something would be removed because of a
        listing that may have been cut off.
        """
        async with self.pool.transaction() as conn:
            standing = await looks.claim_look(conn, self.scan_id, vault_id)
            if standing is None:
                return None
            result = await self._apply(conn, vault_id, standing, listing)
            await self._close(conn, vault_id, standing, result)
            await staging.delete_staged(conn, listing.look)
            return result

    async def unreadable(self, vault_id: int, error: UnreadableError) -> Result | None:
        """Write that a source could not be read; its items stay as they are known.

        Unless its subscription was listed without it AND nothing answers at its address: it is
        deleted, and its items with it.
        """
        async with self.pool.transaction() as conn:
            standing = await looks.claim_look(conn, self.scan_id, vault_id)
            if standing is None:
                return None
            gone = standing.presence is Presence.MISSING
            if gone and error.outcome is VaultOutcome.NOT_FOUND:
                span = await inventory.remove_absent(conn, self.scan_id, vault_id, [])
                result = Result(removed=span.entries, span=span)
                await looks.delete_vault(conn, vault_id)
            else:
                result = Result(
                    outcome=error.outcome,
                    reason=error.reason,
                    remedy=error.remedy,
                    items=standing.items,
                )
            await self._close(conn, vault_id, standing, result)
            return result

    async def _apply(
        self, conn: Connection, vault_id: int, standing: Standing, listing: Listing
    ) -> Result:
        """Write what differs. A listing begun before the one that is stored knows less: skip it."""
        if standing.listed_at is not None and standing.listed_at > listing.began_at:
            return Result(items=standing.items)
        same = standing.fingerprint == listing.fingerprint and self.mode is not ScanMode.FORCE
        written = _Written()
        if not same:
            present = list(listing.seen_before.union(listing.external_ids))
            if listing.abrupt and await inventory.any_absent(conn, vault_id, present):
                raise UnsureError
            if standing.subscription_id is None:
                await record_objects(conn, self.scan_id, vault_id, listing.objects)
            await lock_rules(conn)
            book = RuleBook(await thresholds.list_rules(conn), self.thresholds)
            place = Place(subscription_id=standing.subscription_id, vault_id=vault_id)
            async for chunk in _chunks(conn, listing):
                await self._merge(conn, chunk, written, _Judge(book, place))
            gone = await inventory.remove_absent(conn, self.scan_id, vault_id, present)
            written.removed, written.span = gone.entries, written.span + gone
            if standing.subscription_id is None and written.span.entries:
                await inventory.wake_siblings(conn, vault_id)
        await looks.save_listing(conn, vault_id, _fingerprint(listing), listing.began_at)
        return written.result(items=len(listing.external_ids))

    async def _merge(
        self, conn: Connection, items: Sequence[Item], written: "_Written", judge: "_Judge"
    ) -> None:
        vault_id = judge.place.vault_id
        ids = [item.external_id for item in items]
        known = await inventory.list_known(conn, vault_id, ids)
        new = [item for item in items if item.external_id not in known]
        of = judge.thresholds(known)
        written.add(await inventory.add_items(conn, self.scan_id, vault_id, new, of))
        old = [item for item in items if item.external_id in known]
        changes = [change for item in old if (change := _change(known, item)) is not None]
        named = {change.external_id for change in changes}
        rows = [i for i in old if i.external_id in named or _shifted(known[i.external_id], i, of)]
        await inventory.update_items(conn, vault_id, rows, of)
        await directory.add_credentials(conn, vault_id, items)
        span = await inventory.add_changes(conn, self.scan_id, vault_id, changes)
        written.change(changes, span)

    async def _close(
        self, conn: Connection, vault_id: int, standing: Standing, result: Result
    ) -> None:
        await looks.save_result(conn, self.scan_id, vault_id, result)
        if calls := self.calls.take(standing.name):
            await passes.add_calls(conn, self.scan_id, vault_id, calls)
        event = VaultScanned(
            scan_id=self.scan_id,
            vault_id=vault_id,
            vault_name=standing.name,
            subscription_id=standing.subscription_id,
            outcome=result.outcome,
            previous_outcome=standing.outcome,
            items=result.items,
            added=result.added,
            changed=result.changed,
            removed=result.removed,
            first_change_id=result.span.first,
            last_change_id=result.span.last,
        )
        await self.outbox.emit(event, connection=conn)


@dataclass(frozen=True, slots=True)
class _Judge:
    """The rules that hold while a listing is written, and where its items are."""

    book: RuleBook
    place: Place

    def thresholds(self, known: dict[str, Known]) -> Callable[[Item], Thresholds]:
        """Return what says by which thresholds an item of the listing is judged."""

        def of(item: Item) -> Thresholds:
            before = known.get(item.external_id)
            item_id = before.item_id if before else None
            return self.book.resolve(replace(self.place, item_id=item_id, tags=item.tags))

        return of


@dataclass(slots=True)
class _Written:
    """What was written of a listing so far; a restored item counts as added."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    span: Span = field(default=NOTHING)

    def add(self, span: Span) -> None:
        self.added += span.entries
        self.span = self.span + span

    def change(self, changes: Sequence[Change], span: Span) -> None:
        changed = sum(change.what is What.CHANGED for change in changes)
        self.changed += changed
        self.added += len(changes) - changed
        self.span = self.span + span

    def result(self, *, items: int) -> Result:
        return Result(
            items=items,
            added=self.added,
            changed=self.changed,
            removed=self.removed,
            span=self.span,
        )


def _shifted(known: Known, item: Item, thresholds: Callable[[Item], Thresholds]) -> bool:
    """Say whether other thresholds than those it was stored with apply to an item now."""
    return known.windows != windows(item, thresholds(item))


def _fingerprint(listing: Listing) -> bytes:
    """Return what an equal listing would have; nothing where items were kept that it lacks."""
    kept = listing.seen_before.difference(listing.external_ids)
    return b"" if kept else listing.fingerprint


def _change(known: dict[str, Known], item: Item) -> Change | None:
    before = known[item.external_id]
    return compare(before.item, item, was_gone=before.gone)


async def _chunks(conn: Connection, listing: Listing) -> AsyncIterator[list[Item]]:
    if listing.held:
        yield [entry.read() for entry in listing.held]
        return
    async for chunk in staging.read_staged(conn, listing.look):
        yield chunk
