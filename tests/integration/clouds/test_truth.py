"""Ground truth: what discovery finds is what is there, field by field, whatever the estate."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.inventory import Item, VaultRef
from shared.clouds.errors import CloudError
from tests.support import truth
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox, running_sandbox


@pytest.fixture(params=range(1, 11))
def estate(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """Serve a random estate made from the seed."""
    with running_sandbox(tmp_path, "--profile", "random", "--seed", str(request.param)) as running:
        monkeypatch.setenv("IDENTITY_ENDPOINT", running.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", running.ready["identity_header"])
        yield running


async def _read(clouds: Clouds, vault: VaultRef) -> dict[str, Item] | None:
    """Return the vault's items; None where it cannot be read."""
    try:
        pages = [page async for page in clouds.vaults.items(vault)]
    except CloudError:
        return None
    found = [item for page in pages for item in page]
    assert len({item.external_id for item in found}) == len(found)
    return {item.external_id: item for item in found}


async def test_every_field_of_everything_equals_the_truth(estate: Sandbox) -> None:
    told = estate.control.truth()
    closed = truth.unreadable(told, "discover")
    expected = {
        name: None if name in closed else items for name, items in truth.items(told).items()
    }

    async with open_clouds(settings_for(estate)) as clouds:
        subscriptions = await clouds.estate.subscriptions()
        vaults = await clouds.estate.vaults([subscription.id for subscription in subscriptions])
        found = await asyncio.gather(*(_read(clouds, vault) for vault in vaults))
        listing = [page async for page in clouds.directory.listing()]

    assert subscriptions == truth.subscriptions(told)
    assert {vault.resource_id: vault for vault in vaults} == truth.vaults(told)
    assert dict(zip((vault.name for vault in vaults), found, strict=True)) == expected
    credentials = [item for page in listing for item in page]
    objects = [found for page in listing for found in page.objects]
    assert {item.external_id: item for item in credentials} == truth.credentials(told)
    assert len(credentials) == len(truth.credentials(told))
    assert {found.object_id: found for found in objects} == truth.objects(told)
    assert any(item.managed for item in credentials)
    assert any(len(found.owners or ()) > 20 for found in objects)
    assert any(found.federated for found in objects)
