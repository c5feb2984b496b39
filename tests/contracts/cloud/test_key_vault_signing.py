"""Signing with keys that never leave the vault, with Azure's own client."""

import base64
import hashlib
from contextlib import AsyncExitStack
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys.crypto import SignatureAlgorithm
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from tests.support.issuing import Vault, manual, merged, new_name, open_vault, request_of, signed
from tests.support.sandbox import Way


async def test_who_may_only_read_asks_for_nothing_and_signs_nothing(way: Way) -> None:
    async with AsyncExitStack() as stack:
        rotate = await open_vault(stack, way, "rotate")
        discover = await open_vault(stack, way, "discover")
        name = new_name()
        operation = await rotate.ask(name)
        der = signed(request_of(operation))
        with pytest.raises(HttpResponseError, match="certificates/create/action"):
            await discover.ask(new_name())
        with pytest.raises(HttpResponseError, match="certificates/create/action"):
            await discover.certificates.merge_certificate(name, [der])
        with pytest.raises(HttpResponseError, match="certificates/update/action"):
            await discover.certificates.delete_certificate_operation(name)
        made = await rotate.certificates.merge_certificate(name, [der])
        async with discover.cryptography(str(made.key_id)) as client:
            with pytest.raises(HttpResponseError, match="keys/sign/action"):
                await client.sign(SignatureAlgorithm.rs256, hashlib.sha256(b"x").digest())


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "PS384"])
async def test_a_key_signs_without_leaving_the_vault(vault: Vault, algorithm: str) -> None:
    name = new_name()
    certificate = x509.load_der_x509_certificate(await merged(vault, name))
    digest = hashlib.new(f"sha{algorithm[2:]}", b"a client assertion").digest()
    made = await vault.certificates.get_certificate(name)

    async with vault.cryptography(str(made.key_id)) as client:
        result = await client.sign(SignatureAlgorithm(algorithm), digest)

    hashed = getattr(hashes, f"SHA{algorithm[2:]}")()
    pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
    how = pss if algorithm.startswith("PS") else padding.PKCS1v15()
    public: Any = certificate.public_key()
    public.verify(result.signature, digest, how, Prehashed(hashed))
    assert result.key_id == made.key_id


async def test_an_elliptic_key_signs_as_json_web_signatures_are(vault: Vault) -> None:
    name = new_name()
    policy = manual(key_type="EC", key_curve_name="P-256")
    certificate = x509.load_der_x509_certificate(await merged(vault, name, policy))
    digest = hashlib.sha256(b"a client assertion").digest()
    made = await vault.certificates.get_certificate(name)

    async with vault.cryptography(str(made.key_id)) as client:
        raw = (await client.sign(SignatureAlgorithm.es256, digest)).signature

    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public: Any = certificate.public_key()
    public.verify(der, digest, ec.ECDSA(Prehashed(hashes.SHA256())))


async def test_a_signature_needs_a_fitting_algorithm_and_a_whole_digest(
    vault: Vault, way: Way
) -> None:
    name = new_name()
    await merged(vault, name)
    url = f"{vault.url}/keys/{name}/sign?api-version=7.6"
    token = await way.token("vault", "rotate")
    whole = base64.urlsafe_b64encode(b"x" * 32).rstrip(b"=").decode()
    bodies = [
        {"alg": "RS256", "value": whole},
        {"alg": "ES256", "value": whole},
        {"alg": "HS256", "value": whole},
        {"alg": "RS512", "value": whole},
        {"alg": "RS256", "value": "%"},
        {},
    ]

    statuses = []
    for body in bodies:
        headers = {"Authorization": f"Bearer {token}"}
        async with way.session.post(url, json=body, headers=headers) as answer:
            statuses.append(answer.status)

    assert statuses == [200, 400, 400, 400, 400, 400]


async def test_a_disabled_version_signs_nothing(vault: Vault) -> None:
    name = new_name()
    key = await vault.keys.create_rsa_key(name)
    await vault.keys.update_key_properties(name, enabled=False)
    token = await vault.way.token("vault", "rotate")
    headers = {"Authorization": f"Bearer {token}"}
    value = base64.urlsafe_b64encode(b"x" * 32).rstrip(b"=").decode()

    async with vault.way.session.post(
        f"{key.id}/sign?api-version=7.6", json={"alg": "RS256", "value": value}, headers=headers
    ) as answer:
        body = await answer.json()

    assert answer.status == 403
    assert body["error"]["innererror"]["code"] == "KeyDisabled"
