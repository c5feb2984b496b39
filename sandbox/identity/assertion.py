"""Proving an application's identity by a signed assertion instead of a client secret.

RFC 7523; Microsoft identity platform: "Certificate credentials", "Authentication error codes". The
header names a registered certificate by its thumbprint, SHA-256 (`x5t#S256`) or SHA-1 (`x5t`).
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from sandbox.certificates import thumbprint
from sandbox.estate.directory import KeyCredential
from sandbox.wire import RefusedError

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS: Final = ("RS256", "PS256")
_SKEW_SECONDS: Final = 300
_LATEST: Final = 253_402_300_799
# The claims are checked here, by the sandbox's own time and with Entra's words.
_BARE: Final[Options] = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_SEE: Final = "Review the documentation at https://aka.ms/certCreds."

Refuse = Callable[[int, str], RefusedError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Whom an assertion must name, for whom it must be made, and by what it may be signed."""

    client_id: str
    audiences: frozenset[str]
    keys: Sequence[KeyCredential]
    now: int


def verify(assertion: str, expected: Expected, refuse: Refuse) -> None:
    """Raise what `refuse` makes of a code and a message unless the assertion proves the client."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        raise refuse(50027, "JWT token is invalid or malformed.") from None
    if header.get("alg") not in _ALGORITHMS:
        message = (
            f"Invalid JWT token. '{header.get('alg')}' is not a supported signature algorithm."
            f" Supported signing algorithms are: '{', '.join(_ALGORITHMS)}'."
        )
        raise refuse(5002738, message)
    key = _signer(header, expected, refuse)
    _check_claims(_claims(assertion, key, refuse), expected, refuse)


def _signer(header: dict[str, Any], expected: Expected, refuse: Refuse) -> KeyCredential:
    """Return the registered certificate that the header names."""
    by_sha256, by_sha1 = _digest(header.get("x5t#S256")), _digest(header.get("x5t"))
    wanted = by_sha256 or by_sha1
    if not wanted:
        message = (
            "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint,"
            " nor keyId specified in token header."
        )
        raise refuse(5002723, message)
    for key in expected.keys:
        if key.key and key.usage == "Verify" and wanted in _digests(key.key):
            if not key.start <= expected.now < key.end:
                raise refuse(700027, _reason("The key used is expired.", key))
            return key
    message = (
        "The certificate with identifier used to sign the client assertion is not registered on"
        f" application. [Reason - The key was not found., Thumbprint of key used by client:"
        f" '{wanted.hex().upper()}', Configured keys: {len(expected.keys)}] {_SEE}"
    )
    raise refuse(700027, message)


def _claims(assertion: str, key: KeyCredential, refuse: Refuse) -> dict[str, Any]:
    """Return what the assertion claims, once its signature is known to be the key's."""
    public = x509.load_der_x509_certificate(key.key).public_key()
    try:
        if not isinstance(public, rsa.RSAPublicKey):
            raise jwt.InvalidKeyError
        claims: dict[str, Any] = jwt.decode(
            assertion, public, algorithms=list(_ALGORITHMS), options=_BARE
        )
    except jwt.PyJWTError:
        why = "The provided signature value did not match the expected signature value."
        raise refuse(700027, _reason(why, key)) from None
    return claims


def _check_claims(claims: dict[str, Any], expected: Expected, refuse: Refuse) -> None:
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience not in expected.audiences:
        message = f"Client assertion audience claim does not match Realm issuer. {_SEE}"
        raise refuse(700023, message)
    if {claims.get("iss"), claims.get("sub")} != {expected.client_id}:
        message = (
            f"Client assertion application identifier doesn't match 'client_id' parameter. {_SEE}"
        )
        raise refuse(700021, message)
    begins, ends = claims.get("nbf", 0), claims.get("exp")
    if not isinstance(ends, int | float) or not isinstance(begins, int | float):
        raise refuse(50027, "JWT token is invalid or malformed.")
    if not begins - _SKEW_SECONDS <= expected.now < ends + _SKEW_SECONDS:
        message = (
            "Client assertion is not within its valid time range. Current time:"
            f" {_at(expected.now)}, assertion valid from {_at(begins)}, expiry time of assertion"
            f" {_at(ends)}. {_SEE}"
        )
        raise refuse(700024, message)


def _digest(text: object) -> bytes:
    """Return a thumbprint's bytes; none where it is no base64url."""
    if not isinstance(text, str):
        return b""
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        return b""


def _digests(der: bytes) -> tuple[bytes, bytes]:
    return hashlib.sha256(der).digest(), bytes.fromhex(thumbprint(der))


def _reason(why: str, key: KeyCredential) -> str:
    return (
        f"Client assertion contains an invalid signature. [Reason - {why}, Thumbprint of key used"
        f" by client: '{thumbprint(key.key)}', Found key 'Start={_at(key.start)},"
        f" End={_at(key.end)}'] {_SEE}"
    )


def _at(epoch: float) -> str:
    shown = max(0, min(_LATEST, epoch))
    return datetime.fromtimestamp(shown, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
