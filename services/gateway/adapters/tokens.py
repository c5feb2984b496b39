"""Session tokens: JSON Web Tokens (RFC 7519) with one pinned algorithm, EdDSA (RFC 8037).

The key is chosen from our own set by `kid`; nothing in a token's header (`jku`, `jwk`, `x5u`) is
followed. A key that is not known here may have been made by another replica a moment ago, so the
set is read again, but not more often than every few seconds. A signature that was found right
stays right while its key is in the set, so it is not computed for each request of a session; the
session's row is looked at each time all the same.

A token has one form only. Base64 leaves bits over and decoders skip what is no letter of theirs, so
one signature could be written in endless ways, and each would be remembered as a token of its own.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.gateway.domain.session import Claims
from services.gateway.ports import SigningKey
from shared.clock import Clock

ALGORITHM: Final = "EdDSA"
ISSUER: Final = "certifyclouds"
AUDIENCE: Final = "certifyclouds.gateway"
TYPE: Final = "at+jwt"  # RFC 9068
REQUIRED: Final = ("exp", "iat", "iss", "aud", "sub", "jti")
MOST_KEPT: Final = 10_000
LONGEST: Final = 2_000
# An Ed25519 signature is 64 bytes: 86 letters, of which the last has four bits that are zero.
_FORM: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]", re.ASCII)
READ_AGAIN_AFTER: Final = timedelta(seconds=10)

LoadKeys = Callable[[], Awaitable[Sequence[SigningKey]]]


class EdDSATokens:
    """Implements `ports.SessionTokens`."""

    def __init__(self, load: LoadKeys, clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._public: dict[str, Ed25519PublicKey] = {}
        self._newest: SigningKey | None = None
        self._verified: dict[str, Claims] = {}
        self._read_at = datetime.min.replace(tzinfo=UTC)

    async def refresh(self) -> None:
        """Read the keys again; the newest signs."""
        self._read_at = self._clock()
        keys = sorted(await self._load(), key=lambda key: key.created_at)
        self._public = {key.kid: Ed25519PublicKey.from_public_bytes(key.public_key) for key in keys}
        self._newest = keys[-1]
        self._verified.clear()

    def sign(self, claims: Claims) -> str:
        if self._newest is None:
            raise RuntimeError("The signing keys were not read yet.")
        return jwt.encode(
            {
                "iss": ISSUER,
                "aud": AUDIENCE,
                "sub": str(claims.user_id),
                "jti": str(claims.session_id),
                "iat": int(claims.issued_at.timestamp()),
                "exp": int(claims.expires_at.timestamp()),
            },
            Ed25519PrivateKey.from_private_bytes(self._newest.private_key),
            ALGORITHM,
            headers={"kid": self._newest.kid, "typ": TYPE},
        )

    async def read(self, token: str) -> Claims | None:
        if token in self._verified:
            return self._verified[token]
        well_formed = len(token) <= LONGEST and _FORM.fullmatch(token)
        found = await self._read(token) if well_formed else None
        if found is not None:
            if len(self._verified) >= MOST_KEPT:
                self._verified.clear()
            self._verified[token] = found
        return found

    async def _read(self, token: str) -> Claims | None:
        key = await self._key_of(token)
        if key is None:
            return None
        try:
            found = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": list(REQUIRED),
                    # The domain judges the instants, by the service's own clock.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            return _claims(found)
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            return None

    async def _key_of(self, token: str) -> Ed25519PublicKey | None:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            return None
        kid = header.get("kid")
        if not isinstance(kid, str) or header.get("typ") != TYPE:
            return None
        if kid not in self._public and self._clock() - self._read_at >= READ_AGAIN_AFTER:
            await self.refresh()
        return self._public.get(kid)


def _claims(found: dict[str, Any]) -> Claims:
    return Claims(
        session_id=UUID(found["jti"]),
        user_id=UUID(found["sub"]),
        issued_at=datetime.fromtimestamp(found["iat"], UTC),
        expires_at=datetime.fromtimestamp(found["exp"], UTC),
    )
