"""Merging what a certificate authority signed, and what then stands in the vault."""

import base64

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.certificates import (
    CertificateContentType,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.issuing import Vault, manual, merged, new_name, public_bytes, request_of, signed


async def test_what_was_merged_is_the_newest_version_at_once(vault: Vault) -> None:
    name = new_name()

    first = await merged(vault, name)
    before = await vault.certificates.get_certificate(name)
    second = await merged(vault, name)
    after = await vault.certificates.get_certificate(name)

    assert (bytes(before.cer or b""), bytes(after.cer or b"")) == (first, second)
    assert before.properties.version != after.properties.version
    assert after.properties.enabled
    assert (await vault.certificates.get_certificate_operation(name)).status == "completed"


async def test_two_versions_have_different_keys(vault: Vault) -> None:
    name = new_name()

    keys = [
        public_bytes(x509.load_der_x509_certificate(await merged(vault, name)).public_key())
        for _ in range(2)
    ]

    assert keys[0] != keys[1]


async def test_a_key_may_be_kept_from_one_version_to_the_next(vault: Vault) -> None:
    name, policy = new_name(), manual(reuse_key=True)

    keys = [
        public_bytes(x509.load_der_x509_certificate(await merged(vault, name, policy)).public_key())
        for _ in range(2)
    ]

    assert keys[0] == keys[1]


async def test_a_certificate_comes_with_its_key_and_its_secret(vault: Vault) -> None:
    name = new_name()
    der = await merged(vault, name, manual(key_type="EC", key_curve_name="P-256"))

    certificate = await vault.certificates.get_certificate(name)
    key = await vault.keys.get_key(name)
    secret = await vault.secrets.get_secret(name)

    versions = {certificate.properties.version, key.properties.version, secret.properties.version}
    assert len(versions) == 1
    assert key.properties.managed
    assert secret.properties.key_id == certificate.key_id
    private, held, _ = pkcs12.load_key_and_certificates(base64.b64decode(secret.value or ""), None)
    assert held is not None
    assert private is not None
    assert held.public_bytes(serialization.Encoding.DER) == der
    assert public_bytes(private.public_key()) == public_bytes(held.public_key())


async def test_a_key_that_may_not_be_exported_is_in_no_secret(vault: Vault) -> None:
    # Without a key type the client leaves `exportable` out of what it sends.
    name = new_name()
    await merged(vault, name, manual(exportable=False, key_type="RSA"))

    secret = await vault.secrets.get_secret(name)
    private, _, held = pkcs12.load_key_and_certificates(base64.b64decode(secret.value or ""), None)

    assert private is None
    assert [each.subject.rfc4514_string() for each in held] == ["CN=app.contoso.example,O=Contoso"]
    assert not (await vault.keys.get_key(name)).properties.exportable


async def test_a_secret_is_written_as_its_policy_says(vault: Vault) -> None:
    name = new_name()
    await merged(vault, name, manual(content_type=CertificateContentType.pem))

    secret = await vault.secrets.get_secret(name)

    assert secret.properties.content_type == "application/x-pem-file"
    text = (secret.value or "").encode()
    held = x509.load_pem_x509_certificate(text)
    private = serialization.load_pem_private_key(text, None)
    assert public_bytes(private.public_key()) == public_bytes(held.public_key())


async def test_what_stands_above_a_certificate_is_kept_beside_it(vault: Vault) -> None:
    name = new_name()
    der = signed(request_of(await vault.ask(name)))
    above = await merged(vault, new_name())

    await vault.certificates.merge_certificate(name, [der, above])

    value = base64.b64decode((await vault.secrets.get_secret(name)).value or "")
    _, held, others = pkcs12.load_key_and_certificates(value, None)
    assert held is not None
    assert held.public_bytes(serialization.Encoding.DER) == der
    assert [each.public_bytes(serialization.Encoding.DER) for each in others] == [above]


async def test_a_certificate_for_another_key_is_not_merged(vault: Vault) -> None:
    name, other = new_name(), new_name()
    await vault.ask(name)
    foreign = signed(request_of(await vault.ask(other)))

    with pytest.raises(HttpResponseError, match="does not match the public part") as refused:
        await vault.certificates.merge_certificate(name, [foreign])

    assert refused.value.status_code == 400
    assert (await vault.certificates.get_certificate_operation(name)).status == "inProgress"


async def test_a_merge_needs_an_operation_and_a_certificate(vault: Vault) -> None:
    name = new_name()
    der = signed(request_of(await vault.ask(name)))

    with pytest.raises(HttpResponseError, match="x5c"):
        await vault.certificates.merge_certificate(name, [b"no certificate"])
    await vault.certificates.merge_certificate(name, [der])
    with pytest.raises(HttpResponseError) as twice:
        await vault.certificates.merge_certificate(name, [der])
    with pytest.raises(ResourceNotFoundError):
        await vault.certificates.merge_certificate(new_name(), [der])

    assert twice.value.status_code == 403


async def test_until_the_merge_the_earlier_version_stays(vault: Vault) -> None:
    name = new_name()
    first = await merged(vault, name)

    await vault.ask(name)

    assert bytes((await vault.certificates.get_certificate(name)).cer or b"") == first
    versions = [v async for v in vault.certificates.list_properties_of_certificate_versions(name)]
    assert len(versions) == 1


async def test_the_truth_shows_no_private_key(vault: Vault) -> None:
    name = new_name()
    await merged(vault, name, manual(content_type=CertificateContentType.pem))
    value = (await vault.secrets.get_secret(name)).value or ""

    told = str(vault.way.sandbox.control.truth()) + str(vault.way.sandbox.control.log())

    assert value.splitlines()[1] not in told
    assert "PRIVATE KEY" not in told


async def test_a_merge_may_take_effect_and_its_answer_be_lost(vault: Vault) -> None:
    name = new_name()
    der = signed(request_of(await vault.ask(name)))
    rule = {"path": "/pending/merge$", "method": "POST", "after": True, "status": 500, "count": 1}

    with vault.way.sandbox.control.fault(**rule), pytest.raises(HttpResponseError):
        await vault.certificates.merge_certificate(name, [der], retry_total=0)

    assert bytes((await vault.certificates.get_certificate(name)).cer or b"") == der
