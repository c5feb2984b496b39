"""A request that could read a value is stopped before a byte of it is sent."""

import pytest
from azure.core.rest import HttpRequest
from azure.keyvault.secrets.aio import SecretClient

from services.scanner.adapters import paths
from shared.clouds import CloudClient, HostGuard
from shared.clouds.client import get
from shared.clouds.errors import BlindnessError
from tests.support.clouds import Adapters, LocalCloud, Tokens, listing


@pytest.mark.parametrize(
    "path", ["secrets/db-password", "secrets/db-password/0f0f", "secrets/db/versions/0f0f"]
)
async def test_a_planted_value_request_is_stopped_before_a_token_is_asked_for(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens, path: str
) -> None:
    settings = cloud.settings
    client = CloudClient(
        adapters.session.transport(HostGuard(settings.owns_vault), paths.VAULT),
        adapters.credential,
        audience="vault",
        scope=settings.vault_scope,
        total_seconds=5,
    )

    with pytest.raises(BlindnessError):
        await client.read(get(cloud.vault().uri + path), "a value")

    assert cloud.seen == []
    assert tokens.issued == 0


async def test_azures_own_client_on_this_transport_cannot_read_a_value_either(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    transport = adapters.session.transport(HostGuard(cloud.settings.owns_vault), paths.VAULT)

    async with SecretClient(cloud.vault().uri, adapters.credential, transport=transport) as client:
        with pytest.raises(BlindnessError):
            await client.get_secret("db-password")

    assert cloud.seen == []


async def test_the_transport_refuses_whatever_is_handed_to_it(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    transport = adapters.session.transport(paths.VAULT)

    with pytest.raises(BlindnessError):
        await transport.send(HttpRequest("GET", f"{cloud.vault().uri}secrets/db-password"))

    assert cloud.seen == []


async def test_a_link_in_an_answer_cannot_lead_to_a_value(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on("/secrets", listing(link=f"{cloud.vault().uri}secrets/db-password?api-version=7.6"))

    with pytest.raises(BlindnessError):
        await adapters.read(cloud)

    assert [seen.path for seen in cloud.seen] == ["/secrets"]
