"""What every implementation of the scanner's ports promises.

Runs on an estate in memory and on the real adapters against the sandbox.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.scanner.domain.inventory import Item, ItemKind, VaultRef
from services.scanner.domain.listing import Page
from shared.clouds.errors import CloudError
from shared.errors import CertifyCloudsError
from tests.support.discovery import World

VAULT_KINDS = {ItemKind.SECRET, ItemKind.KEY, ItemKind.CERTIFICATE}
APPLICATION_KINDS = {ItemKind.APP_SECRET, ItemKind.APP_CERTIFICATE}


async def whole(pages: AsyncIterator[Page]) -> list[Item]:
    return [item async for page in pages for item in page]


def instants(item: Item) -> list[datetime]:
    found = (item.created_on, item.updated_on, item.not_before, item.expires_on)
    return [instant for instant in found if instant]


async def test_every_subscription_is_found_in_the_order_of_its_id(world: World) -> None:
    found = await world.clouds.estate.subscriptions()

    assert found == world.subscriptions
    assert found == sorted(found, key=lambda subscription: subscription.id)


async def test_every_vault_is_found_with_all_that_is_known_of_it(world: World) -> None:
    ids = [subscription.id for subscription in world.subscriptions]

    found = await world.clouds.estate.vaults(ids)

    assert {vault.resource_id: vault for vault in found} == world.vaults
    assert len(found) == len(world.vaults)


async def test_only_the_subscriptions_that_were_asked_for_are_looked_into(world: World) -> None:
    first = world.subscriptions[0].id

    found = await world.clouds.estate.vaults([first])

    assert found
    assert {vault.subscription_id for vault in found} == {first}


async def test_no_subscription_means_no_vault(world: World) -> None:
    assert await world.clouds.estate.vaults([]) == []


async def test_every_item_of_every_vault_is_found_with_every_field(world: World) -> None:
    async def read(vault: VaultRef) -> tuple[str, dict[str, Item], int]:
        items = await whole(world.clouds.vaults.items(vault))
        return vault.name, {item.external_id: item for item in items}, len(items)

    readable = [ref for ref in world.vaults.values() if ref.name not in world.unreadable]
    for name, items, count in await asyncio.gather(*map(read, readable)):
        assert items == world.items[name]
        assert count == len(items)
        assert {item.kind for item in items.values()} <= VAULT_KINDS


async def test_a_vault_that_cannot_be_read_says_why_and_what_to_do(world: World) -> None:
    assert world.unreadable
    for name in world.unreadable:
        vault = next(ref for ref in world.vaults.values() if ref.name == name)

        with pytest.raises(CloudError, match=name) as failed:
            await whole(world.clouds.vaults.items(vault))

        assert failed.value.remedy


async def test_a_vault_that_does_not_exist_is_an_error_and_not_an_empty_vault(
    world: World,
) -> None:
    vault = next(iter(world.vaults.values()))
    gone = replace(
        vault,
        name="kv-gone-0000",
        resource_id=vault.resource_id.replace(vault.name.lower(), "kv-gone-0000"),
        uri=vault.uri.replace(vault.name.lower(), "kv-gone-0000"),
    )

    with pytest.raises(CertifyCloudsError):
        await whole(world.clouds.vaults.items(gone))


async def test_every_instant_is_aware_and_in_utc(world: World) -> None:
    items = await whole(world.clouds.directory.listing())
    for vault in list(world.vaults.values())[:3]:
        if vault.name not in world.unreadable:
            items += await whole(world.clouds.vaults.items(vault))

    found = [instant for item in items for instant in instants(item)]
    assert found
    assert {instant.utcoffset() for instant in found} == {timedelta(0)}


async def test_a_listing_that_is_left_early_harms_no_other(world: World) -> None:
    name = next(name for name, items in world.items.items() if len(items) > 0)
    vault = next(ref for ref in world.vaults.values() if ref.name == name)
    pages = world.clouds.vaults.items(vault)

    await anext(pages)
    await pages.aclose()  # type: ignore[attr-defined]

    assert len(await whole(world.clouds.vaults.items(vault))) == len(world.items[name])


async def test_every_application_credential_is_found_with_every_field(world: World) -> None:
    found = await whole(world.clouds.directory.listing())

    assert {item.external_id: item for item in found} == world.credentials
    assert {item.kind for item in found} <= APPLICATION_KINDS
    for item in found:
        assert item.application
        assert item.external_id.startswith(f"{item.application.object_id}/")
        assert item.name


async def test_the_same_question_twice_gets_the_same_answer(world: World) -> None:
    ids = [subscription.id for subscription in world.subscriptions]

    assert await world.clouds.estate.vaults(ids) == await world.clouds.estate.vaults(ids)
