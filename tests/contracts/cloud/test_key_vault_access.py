"""Who may read what in Key Vault, and how the service words its refusals."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.certificates.aio import CertificateClient
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.secrets.aio import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.sandbox import Way

VERSION = "api-version=7.6"


def inner_code(error: HttpResponseError) -> str:
    assert error.response is not None
    return str(json.loads(error.response.text())["error"]["innererror"]["code"])


def by_role(vault: Mapping[str, Any]) -> bool:
    return vault["properties"]["enableRbacAuthorization"] and all(
        vault["readableBy"]["discover"].values()
    )


def for_rotation(vault: Mapping[str, Any]) -> bool:
    return by_role(vault) and vault["readableBy"]["rotate"]["secrets"]


def by_policy(vault: Mapping[str, Any]) -> bool:
    return not vault["properties"]["enableRbacAuthorization"]


def plain_secret(vault: Mapping[str, Any]) -> str:
    """Return the name of an enabled secret that no certificate brought."""
    row = next(r for r in vault["secrets"] if not r.get("managed") and r["attributes"]["enabled"])
    return str(row["id"].rsplit("/", 1)[1])


async def test_without_a_token_the_vault_says_where_to_get_one(way: Way) -> None:
    url = way.sandbox.url(way.sandbox.vault(by_role))

    status, body, headers = await way.get(f"{url}/secrets?{VERSION}")

    resource = way.scope("vault").removesuffix("/.default")
    authority = f"{way.ready['login']}/{way.ready['tenant_id']}"
    assert status == 401
    assert headers["WWW-Authenticate"] == (
        f'Bearer authorization="{authority}", resource="{resource}"'
    )
    assert body["error"] == {
        "code": "Unauthorized",
        "message": "AKV10000: Request is missing a Bearer or PoP token.",
    }


async def test_a_token_for_resource_manager_opens_no_vault(way: Way) -> None:
    url = way.sandbox.url(way.sandbox.vault(by_role))

    status, body, _ = await way.get(f"{url}/secrets?{VERSION}", await way.token("arm"))

    assert status == 401
    assert body["error"]["message"].startswith("AKV10022: Invalid audience.")


async def test_a_reader_never_gets_a_value(way: Way) -> None:
    vault = way.sandbox.vault(by_role)
    async with (
        way.identity() as identity,
        SecretClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        with pytest.raises(HttpResponseError) as refused:
            await client.get_secret(plain_secret(vault))

    assert refused.value.status_code == 403
    assert inner_code(refused.value) == "ForbiddenByRbac"
    message = refused.value.message
    assert "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'" in message
    assert f"oid={way.ready['identities']['discover']['object_id']}" in message
    assert f"Vault: {vault['name']};location={vault['location']}" in message


async def test_a_reader_reads_keys_and_certificates_but_no_private_half(way: Way) -> None:
    vault = way.sandbox.vault(lambda v: by_role(v) and v["certificates"])
    name = vault["certificates"][0]["id"].rsplit("/", 1)[1]
    url = way.sandbox.url(vault)
    async with (
        way.identity() as identity,
        KeyClient(url, identity, transport=way.transport()) as keys,
        CertificateClient(url, identity, transport=way.transport()) as certificates,
    ):
        key = await keys.get_key(name)
        certificate = await certificates.get_certificate(name)

    assert key.key.kty in ("RSA", "EC")
    assert key.key.d is None
    parsed = x509.load_der_x509_certificate(bytes(certificate.cer or b""))
    assert certificate.properties.expires_on == parsed.not_valid_after_utc
    assert certificate.policy is not None
    assert certificate.policy.issuer_name == "Unknown"


async def test_whoever_may_read_values_gets_a_certificate_with_its_key(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: for_rotation(v) and any(r["attributes"]["enabled"] for r in v["certificates"])
    )
    row = next(r for r in vault["certificates"] if r["attributes"]["enabled"])
    name = row["id"].rsplit("/", 1)[1]
    url = way.sandbox.url(vault)
    async with (
        way.identity("sync") as identity,
        SecretClient(url, identity, transport=way.transport()) as client,
    ):
        plain = await client.get_secret(plain_secret(vault))
        packed = await client.get_secret(name)

    assert plain.value
    assert packed.properties.content_type == "application/x-pkcs12"
    key, certificate, _ = pkcs12.load_key_and_certificates(
        base64.b64decode(packed.value or ""), None
    )
    assert key is not None
    assert certificate is not None
    assert certificate.public_key() == key.public_key()


async def test_an_access_policy_that_only_lists_gives_no_value(way: Way) -> None:
    vault = way.sandbox.vault(by_policy)
    url = way.sandbox.url(vault)
    async with (
        way.identity() as identity,
        SecretClient(url, identity, transport=way.transport()) as client,
    ):
        listed = [item.name async for item in client.list_properties_of_secrets()]
        with pytest.raises(HttpResponseError, match="does not have secrets get permission"):
            await client.get_secret(plain_secret(vault))

    assert len(listed) == len(vault["secrets"])


async def test_an_identity_without_a_policy_is_told_so(way: Way) -> None:
    vault = way.sandbox.vault(by_policy)

    status, body, _ = await way.get(
        f"{way.sandbox.url(vault)}/secrets?{VERSION}", await way.token("vault", "sync")
    )

    assert (status, body["error"]["innererror"]) == (403, {"code": "AccessDenied"})
    assert "does not have secrets list permission on key vault" in body["error"]["message"]
    assert f"'{vault['name']};location={vault['location']}'" in body["error"]["message"]


async def test_a_vault_without_a_role_and_one_behind_a_firewall_are_told_apart(way: Way) -> None:
    token = await way.token("vault")
    closed = [
        v for v in way.sandbox.at_first["vaults"] if not any(v["readableBy"]["discover"].values())
    ]
    codes = {}
    for vault in closed:
        _, body, _ = await way.get(f"{way.sandbox.url(vault)}/keys?{VERSION}", token)
        codes[vault["firewall"]] = body["error"]["innererror"]["code"]

    assert codes == {"open": "ForbiddenByRbac", "selected-networks": "ForbiddenByFirewall"}


async def test_what_does_not_exist_is_not_found(way: Way) -> None:
    vault = way.sandbox.vault(for_rotation)
    async with (
        way.identity("rotate") as identity,
        SecretClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        with pytest.raises(ResourceNotFoundError, match="was not found in this key vault"):
            await client.get_secret("no-such-secret")
        with pytest.raises(ResourceNotFoundError):
            await client.get_secret(plain_secret(vault), "0" * 32)


async def test_answers_carry_the_services_headers(way: Way) -> None:
    vault = way.sandbox.vault(by_role)

    _, _, headers = await way.get(
        f"{way.sandbox.url(vault)}/secrets?{VERSION}",
        await way.token("vault"),
        **{"x-ms-client-request-id": "asked-by-me"},
    )

    assert headers["x-ms-keyvault-region"] == vault["location"]
    assert headers["x-ms-client-request-id"] == "asked-by-me"
    assert headers["x-ms-request-id"]
