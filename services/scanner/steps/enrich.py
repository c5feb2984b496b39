"""The second pass over a shard: what needs a request per item, for items that need it.

It runs after the listings of all shards, which are stored and announced by then. Its work list is
what the tables say is to be read, so it goes on where it stopped, whatever stopped it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from services.scanner.domain.calls import Allowance, Calls
from services.scanner.domain.changes import Change, What
from services.scanner.domain.detail import Detail
from services.scanner.domain.enrichment import (
    DEFAULT_CALLS,
    DEFAULT_HOURS,
    Ages,
    Problem,
    Summary,
    ages,
    differences,
    merge,
    questions,
    summarise,
)
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee
from services.scanner.domain.status import BEGINNING
from services.scanner.ports import DetailReader
from services.scanner.steps.ask import Asker, Reading
from services.scanner.steps.record import Recorder
from services.scanner.steps.visit import AT_ONCE, REFUSALS, run_all
from services.scanner.store import details as store
from services.scanner.store import inventory, looks, passes
from services.scanner.store.details import Due, Finding, Kept
from services.scanner.store.locks import lock_vault
from services.scanner.store.looks import Pending
from services.scanner.store.scans import Scan
from shared.database import Connection
from shared.events.scanning import VaultOutcome
from shared.telemetry import get_logger

logger = get_logger(__name__)

Told: TypeAlias = tuple[Due, Reading]

BATCH: Final = 200
# A batch is written after so many seconds too, so that a slow vault's scan shows progress.
BATCH_SECONDS: Final = 15.0
AHEAD: Final = 5_000
_UNKNOWN: Final = Kept(Detail(), Summary(), BEGINNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enricher:
    """Reads details. `calls_per_shard` bounds the requests of one shard in one scan; 0: none.

    A long list of versions may take a few pages more than were left.
    """

    details: DetailReader
    writers: asyncio.Semaphore
    calls: Calls = field(default_factory=Calls)
    calls_per_shard: int = DEFAULT_CALLS
    hours: float = DEFAULT_HOURS
    assignee: Assignee = UNKNOWN_ASSIGNEE
    seconds: float = 180.0
    at_once: int = AT_ONCE
    batch: int = BATCH

    async def is_due(self, conn: Connection, scan: Scan, shard_id: int) -> bool:
        """Say whether a shard has vaults whose items may have details to be read."""
        if self.calls_per_shard == 0:
            return False
        begun = await passes.get_begin(conn, scan.id)
        age = ages(scan.mode, begun, self.hours)
        return bool(await passes.list_vaults(conn, scan.id, shard_id, age))

    async def enrich(self, recorder: Recorder, shard_id: int) -> None:
        """Read the details of a shard's items that need it, as far as the allowance reaches."""
        if self.calls_per_shard == 0:
            return
        async with recorder.pool.acquire() as conn:
            begun = await passes.get_begin(conn, recorder.scan_id)
            age = ages(recorder.mode, begun, self.hours)
            vaults = await passes.list_vaults(conn, recorder.scan_id, shard_id, age)
            sent = await passes.count_sent(conn, recorder.scan_id, shard_id)
        allowance = Allowance(max(0, self.calls_per_shard - sent))
        turn = _Turn(self, recorder, begun, age, allowance)
        await run_all(vaults, turn.visit, at_once=self.at_once)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One shard's second pass in one scan."""

    enricher: Enricher
    recorder: Recorder
    begun: datetime
    age: Ages
    allowance: Allowance

    async def visit(self, source: Pending) -> None:
        """Read what one vault has to tell, and say what was left over."""
        due = await self._due(source.vault_id)
        if due and source.vault is not None and self.allowance.left > 0:
            await self._read(source.vault_id, source.vault, due)
        async with self.enricher.writers, self.recorder.pool.transaction() as conn:
            await lock_vault(conn, source.vault_id)
            left = await store.count_due(conn, source.vault_id, self.begun, self.age)
            await passes.save_pending(conn, self.recorder.scan_id, source.vault_id, left)
            await passes.save_whole(conn, source.vault_id)

    async def _due(self, vault_id: int) -> list[Due]:
        async with self.enricher.writers, self.recorder.pool.acquire() as conn:
            return await store.list_due(conn, vault_id, self.begun, self.age, limit=AHEAD)

    async def _read(self, vault_id: int, vault: VaultRef, due: list[Due]) -> None:
        one = self.enricher
        async with one.details.open(vault) as opened:
            asker = Asker(vault=vault, details=opened, assignee=one.assignee, seconds=one.seconds)
            while due and await self._batches(vault_id, asker, due):
                due = await self._due(vault_id)

    async def _batches(self, vault_id: int, asker: Asker, due: Sequence[Due]) -> bool:
        """Ask about each item and write in batches; False when there is no use in going on."""
        left = deque(due)
        while left and not asker.is_useless:
            batch = await self._ask(asker, left)
            await self._write(vault_id, asker.vault, batch)
            if not batch:
                return False
        return not asker.is_useless

    async def _ask(self, asker: Asker, left: deque[Due]) -> list[Told]:
        """Ask about the next items; none when the allowance does not reach for the first."""
        clock = asyncio.get_running_loop().time
        end = clock() + BATCH_SECONDS
        async with self.enricher.writers, self.recorder.pool.acquire() as conn:
            began_at = await looks.get_time(conn)
        told: list[Told] = []
        while left and len(told) < self.enricher.batch and clock() < end:
            if asker.is_useless or not self._reserve(asker, left[0]):
                break
            due = left.popleft()
            told.append((due, await self._ask_one(asker, due, began_at)))
        return told

    def _reserve(self, asker: Asker, due: Due) -> bool:
        return self.allowance.reserve(_cost(asker, due))

    async def _ask_one(self, asker: Asker, due: Due, began_at: datetime) -> Reading:
        calls, name = self.enricher.calls, asker.vault.name
        reserved, before = _cost(asker, due), calls.total(name)
        reading = await asker.ask(due.item, began_at)
        self.allowance.settle(reserved, calls.total(name) - before)
        return reading

    async def _write(self, vault_id: int, vault: VaultRef, batch: Sequence[Told]) -> None:
        """Write a batch; what cannot be stored is the outcome of its own item alone."""
        sent = self.enricher.calls.take(vault.name)
        if not batch and not sent:
            return
        try:
            await self._store(vault_id, batch, sent)
        except REFUSALS:
            await self._store(vault_id, [], sent)
            for one in batch:
                await self._write_alone(vault_id, one)

    async def _write_alone(self, vault_id: int, one: Told) -> None:
        try:
            await self._store(vault_id, [one], {})
        except REFUSALS as error:
            logger.exception("an item's details cannot be stored", item=one[0].item.external_id)
            reason = f"Something in its details cannot be stored ({type(error).__name__})."
            problem = Problem(outcome=VaultOutcome.FAILED, reason=reason)
            empty = Reading(one[0].item, one[1].began_at, Detail(), problem)
            await self._store(vault_id, [(one[0], empty)], {})

    async def _store(self, vault_id: int, batch: Sequence[Told], sent: Mapping[str, int]) -> None:
        """One short transaction: details, versions, the change feed, the requests."""
        async with self.enricher.writers, self.recorder.pool.transaction() as conn:
            await lock_vault(conn, vault_id)
            changes = await _save(conn, batch)
            await inventory.add_changes(conn, self.recorder.scan_id, vault_id, changes)
            await passes.add_calls(conn, self.recorder.scan_id, vault_id, sent)


def _cost(asker: Asker, due: Due) -> int:
    return len(questions(due.item.kind, asker.refused.keys()))


async def _save(conn: Connection, batch: Sequence[Told]) -> list[Change]:
    """Write what was read unless somebody who began later has written; return what changed."""
    kept = await store.list_kept(conn, [due.item_id for due, _ in batch])
    findings, changes = [], []
    for due, reading in batch:
        known = kept.get(due.item_id, _UNKNOWN)
        if known.read_at > reading.began_at:
            continue
        finding = _finding(due, reading, known)
        findings.append(finding)
        changes += _changes(known, finding)
    await store.save(conn, findings)
    return changes


def _finding(due: Due, reading: Reading, known: Kept) -> Finding:
    detail = merge(known.detail, reading.detail)
    fresh = reading.detail.versions is not None
    return Finding(
        due=due,
        began_at=reading.began_at,
        detail=detail,
        summary=summarise(detail.versions, due.item) if fresh else known.summary,
        problem=reading.problem,
    )


def _changes(known: Kept, finding: Finding) -> list[Change]:
    fields = tuple(differences(known.detail, finding.detail, known.summary, finding.summary))
    external_id = finding.due.item.external_id
    return [Change(what=What.CHANGED, external_id=external_id, fields=fields)] if fields else []
