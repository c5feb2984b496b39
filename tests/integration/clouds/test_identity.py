"""Each way to get a token, with azure-identity as it is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from time import time
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from services.scanner.adapters import open_clouds
from shared.clouds import Identity, SingleFlightCredential, make_source, open_session
from shared.clouds.errors import IdentityRefusedError, IdentityUnavailableError
from shared.secret_value import SecretValue
from tests.support.clouds import LocalCloud, listing, says

TENANT = "11111111-1111-1111-1111-111111111111"
TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"


def token(number: int = 1) -> dict[str, object]:
    return {
        "access_token": f"token-canary-{number}",
        "expires_in": 3600,
        "expires_on": str(int(time()) + 3600),
        "resource": "r",
        "token_type": "Bearer",
    }


@pytest.fixture
async def identity_endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Serve App Service's managed identity endpoint over plain HTTP; note the queries."""
    queries: list[str] = []

    async def issue(request: web.Request) -> web.Response:
        queries.append(request.query_string)
        if request.headers.get("X-IDENTITY-HEADER") != "header":
            return web.json_response({"statusCode": 401}, status=401)
        return web.json_response({**token(), "resource": request.query["resource"]})

    application = web.Application()
    application.router.add_get("/msi/token", issue)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    yield queries
    await runner.cleanup()


async def ask(cloud: LocalCloud, identity: Identity) -> str:
    settings = replace(cloud.settings, identity=identity)
    async with (
        open_session(settings) as session,
        SingleFlightCredential(make_source(session)) as credential,
    ):
        return (await credential.get_token_info(settings.vault_scope)).token


async def test_a_managed_identity_is_asked_once_for_the_vaults_token(
    cloud: LocalCloud, identity_endpoint: list[str]
) -> None:
    settings = replace(cloud.settings, identity=Identity(client_id="client"))
    cloud.on("/subscriptions", listing())

    async with open_clouds(settings) as clouds:
        readers = [clouds.vaults.items(cloud.vault(f"kv-{n}")) for n in range(50)]
        await asyncio.gather(*(anext(reader) for reader in readers))
        for reader in readers:
            async for _ in reader:
                pass
        assert await clouds.estate.subscriptions() == []

    assert len(identity_endpoint) == 2
    query = parse_qs(identity_endpoint[0])
    assert query["client_id"] == ["client"]
    assert query["resource"] == [settings.vault_scope.removesuffix("/.default")]


async def test_an_identity_endpoint_that_refuses_is_a_sentence(
    cloud: LocalCloud, identity_endpoint: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")

    with pytest.raises(IdentityRefusedError, match="Entra refused"):
        await ask(cloud, Identity())

    assert len(identity_endpoint) == 1


async def test_a_client_secret_gets_a_token_from_the_clouds_own_authority(
    cloud: LocalCloud,
) -> None:
    cloud.on(TOKEN_PATH, says(token()))
    identity = Identity(
        source="client-secret",
        client_id="client",
        tenant_id=TENANT,
        client_secret=SecretValue("secret-canary"),
    )

    assert await ask(cloud, identity) == "token-canary-1"
    assert [seen.host for seen in cloud.seen] == ["login.sandbox.localhost"]


async def test_a_wrong_client_secret_is_named_by_entras_code_only(cloud: LocalCloud) -> None:
    answer = {"error": "invalid_client", "error_description": "AADSTS7000215: text-canary"}
    cloud.on(TOKEN_PATH, says(answer, status=401))
    identity = Identity(
        source="client-secret",
        client_id="client",
        tenant_id=TENANT,
        client_secret=SecretValue("secret-canary"),
    )

    with pytest.raises(IdentityRefusedError, match="AADSTS7000215") as refused:
        await ask(cloud, identity)

    assert "canary" not in str(refused.value) + refused.value.remedy


async def test_a_workloads_token_file_is_exchanged(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assertion = tmp_path / "token"
    assertion.write_text("assertion", encoding="utf-8")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(assertion))
    cloud.on(TOKEN_PATH, says(token()))
    identity = Identity(source="workload-identity", client_id="client", tenant_id=TENANT)

    assert await ask(cloud, identity) == "token-canary-1"


async def test_az_login_without_az_says_what_to_do(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(IdentityUnavailableError) as missing:
        await ask(cloud, Identity(source="az-login"))

    assert "az login" in missing.value.remedy
    assert cloud.seen == []
