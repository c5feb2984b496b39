"""azure-identity gets tokens from the sandbox as from App Service, a virtual machine and Entra."""

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import ManagedIdentityCredential

from tests.support.sandbox import Sandbox, Way


async def test_app_service_gives_a_token_for_the_chosen_identity(way: Way) -> None:
    async with way.identity("rotate") as credential:
        token = await credential.get_token(way.scope("vault"))

    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["appid"] == way.ready["identities"]["rotate"]["client_id"]
    assert claims["oid"] == way.ready["identities"]["rotate"]["object_id"]
    assert claims["tid"] == way.ready["tenant_id"]
    assert f"{claims['aud']}/.default" == way.scope("vault")
    assert claims["exp"] == token.expires_on


@pytest.mark.parametrize("by", ["client_id", "object_id", "mi_res_id"])
async def test_an_identity_is_chosen_by_any_of_its_ids(way: Way, by: str) -> None:
    wanted = way.ready["identities"]["sync"]
    chosen = wanted | {"mi_res_id": wanted["resource_id"]}
    credential = ManagedIdentityCredential(
        identity_config={by: chosen[by]}, transport=way.transport()
    )
    async with credential:
        token = await credential.get_token(way.scope("arm"))

    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["oid"] == wanted["object_id"]


async def test_a_virtual_machine_gives_the_same_tokens(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.delenv("IDENTITY_HEADER")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sandbox.ready["imds_host"])

    async with way.identity() as credential:
        token = await credential.get_token(way.scope("graph"))

    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["roles"] == ["Application.Read.All"]


async def test_an_unknown_identity_is_refused_by_app_service(way: Way) -> None:
    async with ManagedIdentityCredential(client_id="nobody", transport=way.transport()) as nobody:
        with pytest.raises(ClientAuthenticationError, match="No User Assigned"):
            await nobody.get_token(way.scope("vault"))


async def test_an_unknown_identity_is_not_available_on_a_virtual_machine(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.delenv("IDENTITY_HEADER")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sandbox.ready["imds_host"])

    async with ManagedIdentityCredential(client_id="nobody", transport=way.transport()) as nobody:
        with pytest.raises(CredentialUnavailableError):
            await nobody.get_token(way.scope("vault"))


async def test_the_metadata_service_asks_for_its_header(way: Way) -> None:
    url = f"{way.ready['imds_host']}/metadata/identity/oauth2/token?api-version=2018-02-01"

    status, body, _ = await way.get(url)

    assert (status, body["error"]) == (400, "invalid_request")
    assert body["error_description"] == "Required metadata header not specified"


async def test_app_service_refuses_who_does_not_know_the_header(way: Way) -> None:
    url = f"{way.ready['identity_endpoint']}?api-version=2019-08-01&resource={way.ready['arm']}"

    status, body, _ = await way.get(url, **{"X-IDENTITY-HEADER": "wrong"})

    assert (status, body["statusCode"]) == (401, 401)


async def test_entra_gives_a_token_for_a_client_secret(way: Way) -> None:
    async with way.service_principal() as credential:
        token = await credential.get_token(way.scope("arm"))

    status, body, _ = await way.get(
        f"{way.ready['arm']}/tenants?api-version=2022-12-01", token.token
    )
    assert (status, body["value"][0]["tenantId"]) == (200, way.ready["tenant_id"])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
        ({"tenant_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS90002"),
    ],
)
async def test_entra_says_by_its_code_why_it_refuses(
    way: Way, changed: dict[str, str], code: str
) -> None:
    async with way.service_principal(**changed) as credential:
        with pytest.raises(ClientAuthenticationError, match=code):
            await credential.get_token(way.scope("arm"))


async def test_entra_knows_no_resource_outside_the_cloud(way: Way) -> None:
    async with way.service_principal() as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS500011"):
            await credential.get_token("https://elsewhere.example/.default")


async def test_tokens_are_signed_with_the_published_key(way: Way) -> None:
    tenant = f"{way.ready['login']}/{way.ready['tenant_id']}"
    _, described, _ = await way.get(f"{tenant}/v2.0/.well-known/openid-configuration")
    _, keys, _ = await way.get(described["jwks_uri"])

    token = await way.token("vault")
    header = jwt.get_unverified_header(token)
    key = next(key for key in keys["keys"] if key["kid"] == header["kid"])

    claims = jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=["RS256"],
        audience=way.scope("vault").removesuffix("/.default"),
    )
    assert claims["iss"] == f"https://sts.windows.net/{way.ready['tenant_id']}/"
    assert described["issuer"] == f"{tenant}/v2.0"


@pytest.mark.parametrize(
    ("service", "path"),
    [("arm", "/subscriptions?api-version=2022-12-01"), ("graph", "/v1.0/organization")],
)
async def test_a_token_for_another_audience_is_refused(way: Way, service: str, path: str) -> None:
    token = await way.token("vault")

    status, body, headers = await way.get(f"{way.ready[service]}{path}", token)

    assert status == 401
    assert "audience" in body["error"]["message"]
    assert headers["WWW-Authenticate"].startswith("Bearer ")


async def test_a_token_ends_when_the_sandboxs_time_has_passed_it(way: Way) -> None:
    url = f"{way.ready['arm']}/subscriptions?api-version=2022-12-01"
    with way.sandbox.control.token_seconds(60):
        token = await way.token("arm")

    assert (await way.get(url, token))[0] == 200
    with way.sandbox.control.moved_clock(61):
        status, body, _ = await way.get(url, token)

    assert (status, body["error"]["code"]) == (401, "ExpiredAuthenticationToken")


async def test_a_revoked_token_is_worthless_and_the_next_one_holds(way: Way) -> None:
    url = f"{way.ready['arm']}/subscriptions?api-version=2022-12-01"
    revoked, others = await way.token("arm"), await way.token("arm", "sync")

    way.sandbox.control.revoke("discover")

    assert (await way.get(url, revoked))[0] == 401
    assert (await way.get(url, others))[0] == 200
    assert (await way.get(url, await way.token("arm")))[0] == 200
