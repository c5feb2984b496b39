"""Asking a vault for certificates with Azure's own client: the pending operation."""

import asyncio
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.certificates import (
    CertificatePolicy,
    KeyVaultCertificate,
    WellKnownIssuerNames,
)
from cryptography import x509

from tests.support.issuing import SUBJECT, Vault, by_itself, manual, merged, new_name, request_of
from tests.support.sandbox import Way


async def test_a_request_is_signed_by_the_key_that_waits_for_its_certificate(vault: Vault) -> None:
    operation = await vault.ask(new_name(), manual(san_dns_names=["app.contoso.example"]))

    csr = request_of(operation)
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=app.contoso.example,O=Contoso"
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["app.contoso.example"]
    assert (operation.status, operation.issuer_name) == ("inProgress", "Unknown")


async def test_a_second_request_is_refused_while_the_first_is_in_progress(vault: Vault) -> None:
    name = new_name()
    first = await vault.ask(name)

    with pytest.raises(ResourceExistsError, match="status is inProgress"):
        await vault.ask(name)

    after = await vault.certificates.get_certificate_operation(name)
    assert (after.request_id, after.csr) == (first.request_id, first.csr)


async def test_of_requests_at_the_same_time_one_is_taken(vault: Vault) -> None:
    name = new_name()

    results = await asyncio.gather(*(vault.ask(name) for _ in range(4)), return_exceptions=True)

    refused = [result for result in results if isinstance(result, HttpResponseError)]
    assert {each.status_code for each in refused} == {409}
    assert len(results) - len(refused) == 1


async def test_a_cancelled_request_can_be_deleted_and_asked_anew(vault: Vault) -> None:
    name = new_name()
    await vault.ask(name)

    cancelled = await vault.certificates.cancel_certificate_operation(name)
    deleted = await vault.certificates.delete_certificate_operation(name)
    with pytest.raises(ResourceNotFoundError):
        await vault.certificates.get_certificate_operation(name)
    await merged(vault, name)

    assert cancelled.cancellation_requested
    assert deleted.status == "inProgress"


async def test_what_is_completed_is_not_cancelled(vault: Vault) -> None:
    name = new_name()
    await merged(vault, name)

    with pytest.raises(HttpResponseError) as refused:
        await vault.certificates.cancel_certificate_operation(name)

    assert refused.value.status_code == 400


async def test_a_certificate_that_the_vault_signs_is_there_after_a_moment(vault: Vault) -> None:
    name = new_name()
    tags = {"team": "größe"}

    made = await vault.certificates.create_certificate(
        name, by_itself(validity_in_months=6), tags=tags, _polling_interval=0.05
    )

    assert isinstance(made, KeyVaultCertificate)
    certificate = x509.load_der_x509_certificate(bytes(made.cer or b""))
    certificate.verify_directly_issued_by(certificate)
    assert made.properties.tags == tags
    assert made.properties.expires_on == certificate.not_valid_after_utc
    lives = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert timedelta(days=180) <= lives <= timedelta(days=184)
    assert made.policy is not None
    assert (made.policy.issuer_name, made.policy.validity_in_months) == ("Self", 6)
    assert made.policy.subject == SUBJECT
    listed = [c.name async for c in vault.certificates.list_properties_of_certificates()]
    assert name in listed


async def test_what_the_vault_has_not_signed_yet_can_be_cancelled(vault: Vault, way: Way) -> None:
    name = new_name()
    body = {"policy": {"x509_props": {"subject": SUBJECT}, "issuer": {"name": "Self"}}}
    headers = {"Authorization": f"Bearer {await way.token('vault', 'rotate')}"}
    der = await merged(vault, new_name())

    with way.sandbox.control.moved_clock(-60):
        async with way.session.post(
            f"{vault.url}/certificates/{name}/create?api-version=7.6", json=body, headers=headers
        ) as answer:
            location = answer.headers["Location"]
            assert answer.status == 202
        with way.sandbox.control.moved_clock(-120):
            with pytest.raises(HttpResponseError, match="Merge is forbidden") as refused:
                await vault.certificates.merge_certificate(name, [der])
            await vault.certificates.cancel_certificate_operation(name)
    _, operation, _ = await way.get(location, headers["Authorization"].split()[1])
    _, missing, _ = await way.get(f"{location}x", headers["Authorization"].split()[1])

    assert refused.value.status_code == 403
    assert (operation["status"], operation["cancellation_requested"]) == ("cancelled", True)
    assert missing["error"]["code"] == "PendingCertificateNotFound"


async def test_a_policy_that_cannot_be_kept_is_refused(vault: Vault) -> None:
    refused = [
        CertificatePolicy("DigiCert-prod", subject=SUBJECT),
        CertificatePolicy(WellKnownIssuerNames.self, subject="no name"),
        CertificatePolicy(WellKnownIssuerNames.self, subject=SUBJECT, key_size=1_000),
        CertificatePolicy(WellKnownIssuerNames.self, subject=SUBJECT, validity_in_months=2_000),
        CertificatePolicy(WellKnownIssuerNames.self, subject=SUBJECT, enhanced_key_usage=["x"]),
    ]

    for policy in refused:
        with pytest.raises(HttpResponseError) as error:
            await vault.ask(new_name(), policy)
        assert error.value.status_code == 400


async def test_the_name_of_a_plain_secret_is_not_taken(vault: Vault) -> None:
    name = new_name()
    await vault.secrets.set_secret(name, "plain")

    with pytest.raises(ResourceExistsError):
        await vault.ask(name)

    assert (await vault.secrets.get_secret(name)).value == "plain"
