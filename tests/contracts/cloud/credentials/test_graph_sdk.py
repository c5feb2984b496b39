"""Microsoft's own SDK for Graph, typed as it is, rotates an application's credentials."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpcore
import httpx
import pytest
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.generated.applications.item.add_password.add_password_post_request_body import (
    AddPasswordPostRequestBody,
)
from msgraph.generated.applications.item.remove_password.remove_password_post_request_body import (
    RemovePasswordPostRequestBody,
)
from msgraph.generated.models.application import Application
from msgraph.generated.models.key_credential import KeyCredential
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from tests.support.rotated import Applications, certify, sign_in
from tests.support.sandbox import Way
from tests.support.sandbox_graph import Loopback

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
async def client(way: Way) -> AsyncIterator[GraphServiceClient]:
    transport = httpx.AsyncHTTPTransport(verify=way.tls)
    pool = httpcore.AsyncConnectionPool(ssl_context=way.tls, network_backend=Loopback())
    transport._pool = pool
    async with (
        pool,
        httpx.AsyncClient(transport=transport, trust_env=False) as http,
        way.identity("rotate") as identity,
    ):
        host = way.ready["graph"].removeprefix("https://").partition(":")[0]
        provider = AzureIdentityAuthenticationProvider(
            identity, scopes=[way.scope("graph")], allowed_hosts=[host]
        )
        factory = GraphClientFactory.create_with_default_middleware(client=http)
        adapter = GraphRequestAdapter(provider, factory)
        adapter.base_url = f"{way.ready['graph']}/v1.0"
        yield GraphServiceClient(request_adapter=adapter)


async def test_a_secret_is_added_used_and_removed(
    way: Way, graph: Applications, client: GraphServiceClient
) -> None:
    owned = graph.owned()
    application = client.applications.by_application_id(owned["id"])
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    asked = PasswordCredential(display_name="cc:sdk:1", end_date_time=end)

    made = await application.add_password.post(
        AddPasswordPostRequestBody(password_credential=asked)
    )

    assert made
    assert made.secret_text
    assert (made.display_name, made.end_date_time) == ("cc:sdk:1", end)
    await sign_in(way, owned["appId"], made.secret_text)
    removal = RemovePasswordPostRequestBody(key_id=made.key_id)
    await application.remove_password.post(removal)
    with pytest.raises(ODataError) as again:
        await application.remove_password.post(removal)
    assert again.value.response_status_code == 400
    assert again.value.error
    assert again.value.error.message
    assert again.value.error.message.startswith("No password credential found with keyId")


async def test_certificates_are_read_and_set_with_those_that_stay(
    way: Way, graph: Applications, client: GraphServiceClient
) -> None:
    owned, certified = graph.owned(1), certify()
    application = client.applications.by_application_id(owned["id"])
    read = await application.get()
    assert read
    held = read.key_credentials or []
    new = KeyCredential(key=certified.der, type="AsymmetricX509Cert", usage="Verify")

    await application.patch(Application(key_credentials=[*held, new]))

    assert held
    assert len(await graph.ids(owned["id"], "keyCredentials")) == len(held) + 1
    claims = await sign_in(way, owned["appId"], certified)
    assert claims["appid"] == owned["appId"]
