"""Signing a digest with a key that never leaves the vault (Azure Key Vault REST API, "Sign").

Algorithms: JSON Web Algorithms (RFC 7518, sections 3.3 to 3.5).
"""

import base64
import binascii
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from starlette.responses import Response

from sandbox.estate.model import Version
from sandbox.key_pairs import PrivateKey
from sandbox.key_vault import errors, reading
from sandbox.key_vault.call import Call
from sandbox.wire import Document, answer

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_FAMILIES: Final = ("RS", "PS", "ES")


async def sign(call: Call, name: str, version_id: str) -> Response:
    """Return the signature of a digest by one version of a key."""
    call.require("keys", "sign", name)
    document = await call.document()
    item = call.item("keys", name)
    version = reading.wanted(item, version_id)
    _ensure_usable(version, call.now)
    algorithm = str(document.get("alg"))
    signed = _signed(version.key, algorithm, _digest(document, algorithm))
    value = base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
    return answer({"kid": f"{call.address}/keys/{item.name}/{version.id}", "value": value})


def _ensure_usable(version: Version, now: int) -> None:
    if not version.enabled:
        raise errors.disabled("keys", "sign")
    if version.expires is not None and version.expires <= now:
        message = "Operation sign is not allowed on an expired key."
        raise errors.error(403, "Forbidden", message, "KeyExpired")
    if version.not_before is not None and version.not_before > now:
        message = "Operation sign is not allowed on a not yet valid key."
        raise errors.error(403, "Forbidden", message, "KeyNotYetValid")


def _digest(document: Document, algorithm: str) -> bytes:
    """Return the digest, which must be as long as the algorithm's."""
    wanted = _HASHES.get(algorithm[2:])
    if wanted is None or algorithm[:2] not in _FAMILIES:
        raise errors.bad_parameter("Property alg has invalid value\r\n")
    text = str(document.get("value") or "")
    try:
        digest = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise errors.bad_parameter("Property value has invalid value\r\n") from None
    if len(digest) != wanted.digest_size:
        message = f"Invalid length of 'value': {len(digest)} bytes. {algorithm} requires"
        raise errors.bad_parameter(f"{message} {wanted.digest_size} bytes.")
    return digest


def _signed(pair: PrivateKey, algorithm: str, digest: bytes) -> bytes:
    hashed = _HASHES[algorithm[2:]]
    if isinstance(pair, rsa.RSAPrivateKey) and algorithm[:2] in ("RS", "PS"):
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        how = padding.PKCS1v15() if algorithm.startswith("RS") else pss
        return pair.sign(digest, how, Prehashed(hashed))
    if isinstance(pair, ec.EllipticCurvePrivateKey) and pair.curve.name == _CURVES.get(algorithm):
        r, s = decode_dss_signature(pair.sign(digest, ec.ECDSA(Prehashed(hashed))))
        size = (pair.key_size + 7) // 8
        return r.to_bytes(size) + s.to_bytes(size)
    raise errors.bad_parameter(f"Key and signing algorithm {algorithm} are incompatible.")
