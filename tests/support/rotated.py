"""An identity that changes applications' credentials in Graph, and who then signs in with them."""

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from azure.identity.aio import CertificateCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support.sandbox import Document, Way

Answer = tuple[int, Document, Mapping[str, str]]
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """Return both, as azure-identity reads them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def x5t(self) -> str:
        """Return the SHA-1 thumbprint as an assertion's header names it."""
        return _base64url(hashlib.sha1(self.der, usedforsecurity=False).digest())

    def as_credential(self, **more: object) -> Document:
        """Return a keyCredential as Graph takes it."""
        return {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "key": base64.b64encode(self.der).decode(),
        } | more

    def assertion(
        self,
        client_id: str,
        audience: str,
        *,
        algorithm: str = "PS256",
        header: Mapping[str, str] | None = None,
        **claims: object,
    ) -> str:
        """Return a client assertion; `claims` replace the right ones."""
        named = {"x5t#S256": _base64url(hashlib.sha256(self.der).digest())}
        now = int(time.time())
        right = {"aud": audience, "iss": client_id, "sub": client_id, "jti": str(uuid4())}
        return jwt.encode(
            right | {"nbf": now, "exp": now + 600} | claims,
            self.key,
            algorithm=algorithm,
            headers=dict(named if header is None else header),
        )


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def certify(*, days: int = 90, began_days_ago: int = 1) -> Certified:
    """Make a certificate that signs itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rotated.contoso.example")])
    begun = datetime.now(UTC) - timedelta(days=began_days_ago)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return Certified(made, key)


@dataclass(frozen=True)
class Applications:
    """Graph's applications for one identity; `way` leads to the sandbox."""

    way: Way
    identity: str = "rotate"

    def owned(self, number: int = 0) -> Document:
        """Return one of the applications that the identity that rotates owns."""
        owner = self.way.ready["identities"]["rotate"]["object_id"]
        truth = self.way.sandbox.at_first
        owned = [each for each in truth["applications"] if owner in _owners(truth, each)]
        found: Document = owned[number]
        return found

    def foreign(self) -> Document:
        """Return an application that no identity owns."""
        truth = self.way.sandbox.at_first
        found: Document = next(
            each
            for each in truth["applications"][1:]
            if not _owners(truth, each) and "Personal" not in each["signInAudience"]
        )
        return found

    async def add(self, object_id: str, **asked: object) -> Answer:
        """Add a client secret."""
        return await self._send("POST", f"{object_id}/addPassword", {"passwordCredential": asked})

    async def remove(self, object_id: str, key_id: object) -> Answer:
        """Remove a client secret."""
        return await self._send("POST", f"{object_id}/removePassword", {"keyId": key_id})

    async def set_keys(self, object_id: str, *keys: Document) -> Answer:
        """Replace the certificates."""
        return await self._send("PATCH", object_id, {"keyCredentials": keys})

    async def send(self, method: str, path: str, body: object) -> Answer:
        """Send a request below the version."""
        url = f"{self.way.ready['graph']}/v1.0/{path}"
        return await self.way.send(method, url, await self._token(), body)

    async def read(self, path: str) -> Document:
        """Return what is read below the version."""
        url = f"{self.way.ready['graph']}/v1.0/{path}"
        status, body, _ = await self.way.get(url, await self._token())
        assert status == 200, body
        return body

    async def ids(self, object_id: str, kind: str = "passwordCredentials") -> list[str]:
        """Return the ids of the credentials that a read shows."""
        found = await self.read(f"applications/{object_id}?$select={kind}")
        return [each["keyId"] for each in found[kind]]

    async def _send(self, method: str, path: str, body: object) -> Answer:
        return await self.send(method, f"applications/{path}", body)

    async def _token(self) -> str:
        return await self.way.token("graph", self.identity)


def _owners(truth: Document, application: Document) -> set[str]:
    return {each["id"] for each in truth["relations"][application["id"]]["owners"]}


def _client(way: Way, app_id: str) -> dict[str, Any]:
    return {
        "tenant_id": way.ready["tenant_id"],
        "client_id": app_id,
        "authority": way.ready["login"],
        "disable_instance_discovery": True,
        "transport": way.transport(),
        "retry_total": 0,
    }


async def sign_in(way: Way, app_id: str, proof: str | Certified) -> Document:
    """Sign in with a secret or a certificate and return the token's claims."""
    credential: ClientSecretCredential | CertificateCredential
    if isinstance(proof, str):
        credential = ClientSecretCredential(client_secret=proof, **_client(way, app_id))
    else:
        credential = CertificateCredential(certificate_data=proof.pem, **_client(way, app_id))
    async with credential:
        token = await credential.get_token(way.scope("graph"))
    claims: Document = jwt.decode(token.token, options={"verify_signature": False})
    return claims
