"""Whether a listing may have been cut off, by the length of the last page of each of its lists."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from services.scanner.domain.directory import ApplicationKind, DirectoryObject
from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.listing import Page
from services.scanner.domain.status import DEFAULT
from services.scanner.steps.gather import FULL_DIRECTORY_PAGE, FULL_PAGE, gather
from tests.support.scanner import NOW, a_credential, an_item


async def is_abrupt(*pages: Page) -> bool:
    async def listed() -> AsyncIterator[Page]:
        for page in pages:
            yield page

    async def stage(items: Sequence[Item]) -> None:
        raise AssertionError(f"{len(items)} items were staged")

    found = await gather(listed(), look=UUID(int=1), began_at=NOW, stage=stage, thresholds=DEFAULT)
    return found.abrupt


def secrets(count: int, prefix: str = "s") -> Page:
    return Page.of(an_item(f"{prefix}{n}") for n in range(count))


def applications(count: int, kind: ApplicationKind = ApplicationKind.APPLICATION) -> Page:
    """A page of applications, each with a secret."""
    names = [f"{kind}-{n}" for n in range(count)]
    return Page.of(
        [a_credential(name, app=name) for name in names],
        [
            DirectoryObject(kind=kind, object_id=f"{name}-object", app_id=name, display_name=name)
            for name in names
        ],
    )


@pytest.mark.parametrize(("last", "expected"), [(FULL_PAGE, True), (FULL_PAGE - 1, False)])
async def test_a_vaults_list_that_ends_with_a_full_page_may_have_been_cut_off(
    last: int, expected: bool
) -> None:
    assert await is_abrupt(secrets(FULL_PAGE, "a"), secrets(last, "b")) is expected


async def test_each_of_a_vaults_lists_is_judged_by_its_own_last_page() -> None:
    key = Page.of([an_item("k", kind=ItemKind.KEY)])

    assert await is_abrupt(secrets(FULL_PAGE), key)
    assert not await is_abrupt(secrets(FULL_PAGE, "a"), secrets(1, "b"), key)


async def test_a_page_of_the_directory_is_full_by_the_directorys_own_measure() -> None:
    principals = applications(FULL_PAGE, ApplicationKind.SERVICE_PRINCIPAL)

    assert not await is_abrupt(applications(FULL_PAGE + 1), Page(), principals)
    assert await is_abrupt(applications(FULL_DIRECTORY_PAGE), principals)
