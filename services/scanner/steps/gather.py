"""Holding a source's whole listing: nothing is written before it is complete."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.scanner.domain.fingerprint import Fingerprint
from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.status import Thresholds

STAGE_AT: Final = 10_000
FULL_PAGE: Final = 25
"""The most that Key Vault gives at once (Azure Key Vault REST API, `maxresults`)."""

Stage = Callable[[Sequence[Item]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A complete listing that was begun at `began_at` (the database's time).

    Its items are in `held`, or staged under `look` when there are more than memory should hold.
    `abrupt` says that a list ended with a full page, as it also would if the way to the next page
    were lost; `seen_before` are the items of such a listing that this one was made to confirm.
    """

    look: UUID
    began_at: datetime
    fingerprint: bytes
    external_ids: list[str]
    held: list[Item] = field(default_factory=list)
    abrupt: bool = False
    seen_before: frozenset[str] = frozenset()


async def gather(
    pages: AsyncIterator[list[Item]],
    *,
    look: UUID,
    began_at: datetime,
    stage: Stage,
    thresholds: Thresholds,
    stage_at: int = STAGE_AT,
) -> Listing:
    """Take in all pages. An item on two pages, as happens while somebody writes, counts once."""
    fingerprint = Fingerprint(thresholds)
    held: dict[str, Item] = {}
    staged = False
    ends: dict[ItemKind, int] = {}
    async for page in pages:
        ends.update((item.kind, len(page)) for item in page[:1])
        for item in page:
            fingerprint.add(item)
            held[item.external_id] = item
        if len(held) > stage_at:
            await stage(list(held.values()))
            held.clear()
            staged = True
    if staged:
        await stage(list(held.values()))
        held.clear()
    return Listing(
        look=look,
        began_at=began_at,
        fingerprint=fingerprint.digest(),
        external_ids=fingerprint.external_ids(),
        held=list(held.values()),
        abrupt=any(length >= FULL_PAGE for length in ends.values()),
    )
