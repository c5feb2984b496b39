"""Single reads of Key Vault, as azure-keyvault-keys and -certificates make them."""

from collections.abc import Mapping
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.certificates.aio import CertificateClient
from azure.keyvault.keys import (
    KeyRotationLifetimeAction,
    KeyRotationPolicy,
    KeyRotationPolicyAction,
)
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.secrets.aio import SecretClient
from cryptography import x509

from tests.support.sandbox import Way


def by_role(vault: Mapping[str, Any]) -> bool:
    return vault["properties"]["enableRbacAuthorization"] and all(
        vault["readableBy"]["discover"].values()
    )


def told(vault: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    return {
        key.partition("/")[2]: detail
        for key, detail in vault["details"].items()
        if key.startswith(f"{kind}/")
    }


async def test_keys_of_every_form_read_as_they_were_made(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: by_role(v) and any(detail["hsm"] for detail in told(v, "keys").values())
    )
    async with (
        way.identity() as identity,
        KeyClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        for name, detail in told(vault, "keys").items():
            key = await client.get_key(name)
            family, _, size = detail["made_of"].partition("-")
            assert str(key.key_type.value) == (f"{family}-HSM" if detail["hsm"] else family)
            assert (key.key.crv or f"{len(key.key.n) * 8}") == size
            assert key.properties.exportable == detail["bundle"]["attributes"]["exportable"]
            assert bool(key.properties.release_policy) == ("release_policy" in detail["bundle"])
            policy = await client.get_key_rotation_policy(name)
            attributes = detail["rotation"]["attributes"]
            assert policy.expires_in == attributes.get("expiryTime")
            assert bool(policy.created_on) == ("created" in attributes)
            assert len(policy.lifetime_actions) == len(detail["rotation"]["lifetimeActions"])


async def test_a_rotation_policy_is_read_back_as_it_was_set(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: by_role(v) and v["readableBy"]["rotate"]["keys"] and told(v, "keys")
    )
    name = next(iter(told(vault, "keys")))
    action = KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P2M")
    async with (
        way.identity("rotate") as identity,
        KeyClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        await client.update_key_rotation_policy(
            name, KeyRotationPolicy(expires_in="P3M", lifetime_actions=[action])
        )
        read = await client.get_key_rotation_policy(name)

    assert read.expires_in == "P3M"
    assert [one.time_after_create for one in read.lifetime_actions] == ["P2M"]
    assert read.created_on


async def test_certificates_read_with_their_policy_and_their_operation(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: by_role(v) and any(d["pending"] for d in told(v, "certificates").values())
    )
    async with (
        way.identity() as identity,
        CertificateClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        for name, detail in told(vault, "certificates").items():
            certificate = await client.get_certificate(name)
            assert certificate.policy is not None
            assert certificate.policy.issuer_name == detail["bundle"]["policy"]["issuer"]["name"]
            if certificate.cer:
                parsed = x509.load_der_x509_certificate(bytes(certificate.cer))
                assert parsed.subject.rfc4514_string().endswith(".contoso.example")
            if detail["pending"] is None:
                with pytest.raises(ResourceNotFoundError, match="PendingCertificateNotFound"):
                    await client.get_certificate_operation(name)
            else:
                operation = await client.get_certificate_operation(name)
                assert operation.status == detail["pending"]["status"]
                assert operation.error is None or operation.error.code


async def test_a_certificate_that_was_never_issued_is_listed_on_demand_only(way: Way) -> None:
    vault = way.sandbox.vault(lambda v: by_role(v) and v["awaiting_certificates"])
    async with (
        way.identity() as identity,
        CertificateClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        plain = {c.name async for c in client.list_properties_of_certificates()}
        whole = {c.name async for c in client.list_properties_of_certificates(include_pending=True)}
        certificate = await client.get_certificate("awaits-issue")

    assert whole - plain == {"awaits-issue"}
    assert not certificate.cer


async def test_a_vault_that_lets_list_only_refuses_every_single_read(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: not v["properties"]["enableRbacAuthorization"] and told(v, "keys")
    )
    url, name = way.sandbox.url(vault), next(iter(told(vault, "keys")))
    async with (
        way.identity() as identity,
        KeyClient(url, identity, transport=way.transport()) as keys,
        SecretClient(url, identity, transport=way.transport()) as secrets,
    ):
        with pytest.raises(HttpResponseError, match="keys get permission"):
            await keys.get_key(name)
        with pytest.raises(HttpResponseError, match="keys getrotationpolicy permission"):
            await keys.get_key_rotation_policy(name)
        secret = next(iter(vault["secrets"]))["id"].rsplit("/", 1)[1]
        assert [v async for v in secrets.list_properties_of_secret_versions(secret)]
