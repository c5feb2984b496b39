"""A whole scan without a database: for a first look at a tenant from a command line.

Nothing is stored and no event is sent, so there is no change feed and nothing is announced.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from services.scanner.domain.inventory import Item, Subscription, VaultRef
from services.scanner.domain.outcome import Tally, conclude
from services.scanner.domain.scope import includes, nothing_fits, place_of
from services.scanner.domain.status import DEFAULT, Status, Thresholds, days_left, judge
from services.scanner.ports import Estate
from services.scanner.steps.plan import EVERYTHING, notes, survey
from services.scanner.steps.read import Readers, UnreadableError, read, unreadable
from services.scanner.steps.visit import AT_ONCE, run_all
from services.scanner.store.estate import DIRECTORY_NAME
from shared.clouds.errors import CloudError
from shared.events.scanning import ScanOutcome, VaultOutcome
from shared.selector import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The estate was listed; `sources` counts the vaults and the directory that follow."""

    subscriptions: tuple[Subscription, ...]
    sources: int


@dataclass(frozen=True, slots=True)
class Judged:
    """An item with its status; `days_left` is None for one that never expires."""

    item: Item
    status: Status
    days_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One source was looked at; `vault` is None for the directory.

    Anything but `ok` has a reason and no items: unknown, not empty.
    """

    name: str
    vault: VaultRef | None
    outcome: VaultOutcome = VaultOutcome.OK
    reason: str | None = None
    remedy: str | None = None
    items: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The scan is over; `error` is the sentence that goes with anything but `complete`."""

    outcome: ScanOutcome
    error: str | None
    sources: int
    unreadable: int
    items: int


Progress: TypeAlias = Begun | Looked | Ended


async def scan(
    estate: Estate,
    readers: Readers,
    *,
    now: datetime,
    subscription_ids: Sequence[str] = (),
    selector: Selector = EVERYTHING,
    thresholds: Thresholds = DEFAULT,
    at_once: int = AT_ONCE,
) -> AsyncGenerator[Progress, None]:
    """Yield `Begun`, a `Looked` for each source as it is read, and `Ended`.

    The directory is read in a scan of all subscriptions. Raises the errors of
    `shared.clouds.errors` if the estate itself cannot be listed.
    """
    found = await survey(estate, subscription_ids)
    sources: list[VaultRef | None] = list(found.vaults)
    if not subscription_ids:
        sources.append(None)
    sources = _chosen(sources, selector, found.subscriptions)
    yield Begun(subscriptions=found.subscriptions, sources=len(sources))
    unreadable = items = 0
    async with aclosing(_look_at_all(sources, readers, now, thresholds, at_once)) as all_:
        async for looked in all_:
            unreadable += looked.outcome is not VaultOutcome.OK
            items += len(looked.items)
            yield looked
    tally = Tally(vaults=len(sources), unreadable=unreadable, items=items)
    sentences = notes(found, readers.assignee)
    if not sources and not sentences and selector:
        sentences = [nothing_fits(selector, EVERYTHING)]
    conclusion = conclude(tally, sentences)
    yield Ended(
        outcome=conclusion.outcome,
        error=conclusion.error,
        sources=tally.vaults,
        unreadable=unreadable,
        items=items,
    )


def _chosen(
    sources: Sequence[VaultRef | None], selector: Selector, subscriptions: Sequence[Subscription]
) -> list[VaultRef | None]:
    known = {one.id: one for one in subscriptions}
    return [
        vault for vault in sources if includes(selector, place_of(vault, DIRECTORY_NAME, known))
    ]


async def _look_at_all(
    sources: Sequence[VaultRef | None],
    readers: Readers,
    now: datetime,
    thresholds: Thresholds,
    at_once: int,
) -> AsyncGenerator[Looked, None]:
    """Yield each source when it is read. Ending the iteration ends the reading."""
    done: asyncio.Queue[Looked | None] = asyncio.Queue()

    async def visit(vault: VaultRef | None) -> None:
        await done.put(await look(vault, readers, now, thresholds))

    async def visit_all() -> None:
        try:
            await run_all(sources, visit, at_once=at_once)
        finally:
            done.put_nowait(None)

    reading = asyncio.create_task(visit_all())
    try:
        while (looked := await done.get()) is not None:
            yield looked
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def look(
    vault: VaultRef | None, readers: Readers, now: datetime, thresholds: Thresholds
) -> Looked:
    """Read one source and judge its items."""
    name = vault.name if vault else DIRECTORY_NAME
    try:
        held = await _held(readers, vault, name)
    except UnreadableError as error:
        return Looked(
            name=name,
            vault=vault,
            outcome=error.outcome,
            reason=error.reason,
            remedy=error.remedy,
        )
    judged = tuple(_judged(item, now, thresholds) for item in held.values())
    return Looked(name=name, vault=vault, items=judged)


async def _held(readers: Readers, vault: VaultRef | None, name: str) -> dict[str, Item]:
    """Return a source's items; one on two pages counts as it was seen last."""
    held: dict[str, Item] = {}
    async with aclosing(read(readers, vault, name)) as pages:
        async for page in pages:
            try:
                held.update((item.external_id, item) for item in page)
            except CloudError as error:
                raise unreadable(error, vault, name, readers.assignee) from error
    return held


def _judged(item: Item, now: datetime, thresholds: Thresholds) -> Judged:
    left = None if item.expires_on is None else days_left(item.expires_on, now)
    return Judged(item, judge(item, now, thresholds), left)
