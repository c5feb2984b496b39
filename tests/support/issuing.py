"""A vault that certificates are asked of, and a certificate authority that signs requests."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from azure.keyvault.certificates import (
    CertificateOperation,
    CertificatePolicy,
    WellKnownIssuerNames,
)
from azure.keyvault.certificates.aio import CertificateClient
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.keys.crypto.aio import CryptographyClient
from azure.keyvault.secrets.aio import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.sandbox import Way

CA_KEY = ec.generate_private_key(ec.SECP256R1())
CA_NAME = x509.Name.from_rfc4514_string("CN=Test CA")
SUBJECT = "CN=app.contoso.example, O=Contoso"


@dataclass(frozen=True)
class Vault:
    """One vault, asked by an identity."""

    certificates: CertificateClient
    keys: KeyClient
    secrets: SecretClient
    way: Way
    url: str
    identity: Any

    def cryptography(self, key_id: str) -> CryptographyClient:
        return CryptographyClient(key_id, self.identity, transport=self.way.transport())

    async def ask(self, name: str, policy: CertificatePolicy | None = None) -> CertificateOperation:
        """Ask for a certificate that somebody else will sign."""
        await self.certificates.create_certificate(name, policy or manual(), _polling_interval=0)
        return await self.certificates.get_certificate_operation(name)


def for_rotation(vault: Mapping[str, Any]) -> bool:
    return bool(
        vault["readableBy"]["rotate"]["secrets"] and vault["properties"]["enableRbacAuthorization"]
    )


async def open_vault(stack: AsyncExitStack, way: Way, name: str) -> Vault:
    url = way.sandbox.url(way.sandbox.vault(for_rotation))
    identity = await stack.enter_async_context(way.identity(name))
    found = [
        await stack.enter_async_context(
            client(url, identity, transport=way.transport(), retry_total=0)
        )
        for client in (CertificateClient, KeyClient, SecretClient)
    ]
    return Vault(*found, way, url, identity)


def manual(**more: Any) -> CertificatePolicy:
    return CertificatePolicy(WellKnownIssuerNames.unknown, subject=SUBJECT, **more)


def by_itself(**more: Any) -> CertificatePolicy:
    return CertificatePolicy(WellKnownIssuerNames.self, subject=SUBJECT, **more)


def new_name() -> str:
    return f"asked-{uuid4().hex[:12]}"


def signed(csr: x509.CertificateSigningRequest, days: int = 90) -> bytes:
    """Return what a certificate authority makes of a request, in DER."""
    now = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(CA_NAME)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=days))
    )
    return builder.sign(CA_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def request_of(operation: CertificateOperation) -> x509.CertificateSigningRequest:
    return x509.load_der_x509_csr(bytes(operation.csr or b""))


def public_bytes(key: Any) -> bytes:
    pem = serialization.Encoding.DER
    found: bytes = key.public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found


async def merged(vault: Vault, name: str, policy: CertificatePolicy | None = None) -> bytes:
    """Ask for a certificate, sign and merge it; return it in DER."""
    der = signed(request_of(await vault.ask(name, policy)))
    await vault.certificates.merge_certificate(name, [der])
    return der
