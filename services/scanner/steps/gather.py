"""Holding a source's whole listing: nothing is written before it is complete."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.scanner.domain.directory import DirectoryObject
from services.scanner.domain.fingerprint import Fingerprint
from services.scanner.domain.inventory import Item
from services.scanner.domain.listing import Entry, Page
from services.scanner.domain.status import Thresholds

STAGE_AT: Final = 10_000
FULL_PAGE: Final = 25
"""The most that Key Vault gives at once (Azure Key Vault REST API, `maxresults`)."""
FULL_DIRECTORY_PAGE: Final = 999
"""The most that Microsoft Graph gives of directory objects at once ("Paging", `$top`)."""

Stage = Callable[[Sequence[Item]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A complete listing that was begun at `began_at` (the database's time).

    Its entries are in `held`, or its items staged under `look` when there are more than memory
    should hold; `objects` are the directory's applications and service principals. `abrupt`
    says that a list ended with a full page, as it also would if the way to the next page were lost;
    `seen_before` are the items of such a listing that this one was made to confirm.
    """

    look: UUID
    began_at: datetime
    fingerprint: bytes
    external_ids: list[str]
    held: list[Entry] = field(default_factory=list)
    objects: list[DirectoryObject] = field(default_factory=list)
    abrupt: bool = False
    seen_before: frozenset[str] = frozenset()


async def gather(
    pages: AsyncIterator[Page],
    *,
    look: UUID,
    began_at: datetime,
    stage: Stage,
    thresholds: Thresholds,
    stage_at: int = STAGE_AT,
) -> Listing:
    """Take in all pages. What is on two pages, as happens while somebody writes, counts once."""
    fingerprint = Fingerprint(thresholds)
    held: dict[str, Entry] = {}
    objects: dict[str, DirectoryObject] = {}
    staged = False
    ends: dict[str, bool] = {}
    async for page in pages:
        ends |= _fullness(page)
        for found in page.objects:
            fingerprint.add_object(found)
            objects[found.object_id] = found
        for entry in page.entries:
            fingerprint.add(entry)
            held[entry.external_id] = entry
        if len(held) > stage_at:
            await stage([entry.read() for entry in held.values()])
            held.clear()
            staged = True
    if staged:
        await stage([entry.read() for entry in held.values()])
        held.clear()
    return Listing(
        look=look,
        began_at=began_at,
        fingerprint=fingerprint.digest(),
        external_ids=fingerprint.external_ids(),
        held=list(held.values()),
        objects=list(objects.values()),
        abrupt=any(ends.values()),
    )


def _fullness(page: Page) -> dict[str, bool]:
    """Say whether the page is as long as any page of its list can be; nothing for an empty one."""
    if page.objects:
        return {page.objects[-1].kind: len(page.objects) >= FULL_DIRECTORY_PAGE}
    lists = (entry.external_id.partition("/")[0] for entry in page.entries[-1:])
    return dict.fromkeys(lists, len(page) >= FULL_PAGE)
