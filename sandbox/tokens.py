"""Access tokens: signed as Entra signs them (RS256, published key set), checked by every service.

Claims: Microsoft identity platform, "Access token claims reference" (version 1.0 tokens).
"""

import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.clock import Clock
from sandbox.estate.model import Estate, Principal

Reason = Literal["missing", "invalid", "expired", "revoked", "audience"]

MANAGED_IDENTITY_SECONDS: Final = 86_400
CLIENT_SECRET_SECONDS: Final = 3_599
_KEY_ID: Final = "sandbox-1"
_CACHED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token names, for whom it was made, and how long it holds; `token_id` is its `uti`."""

    object_id: str
    client_id: str
    audience: str
    issued: int
    expires: int
    roles: tuple[str, ...]
    generation: int
    token_id: str


class TokenRefusedError(Exception):
    """A token that a service does not take; `detail` is the audience that was found, if any."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.detail = detail


class Tokens:
    """Issues and checks tokens. How long they live, and whether they still hold, can be changed."""

    def __init__(self, key: rsa.RSAPrivateKey, clock: Clock, estate: Estate) -> None:
        self._key = key
        self._clock = clock
        self._estate = estate
        self._known: dict[str, Caller] = {}
        self._generations: Counter[str] = Counter()
        self.seconds: int | None = None
        self.issued = 0

    @property
    def issuer(self) -> str:
        return f"https://sts.windows.net/{self._estate.tenant_id}/"

    def issue(
        self, principal: Principal, audience: str, usual_seconds: int, *, certified: bool = False
    ) -> tuple[str, int]:
        """Return a token and the instant at which it expires; `certified`: by a certificate."""
        now = self._clock.epoch()
        expires = now + (self.seconds or usual_seconds)
        self.issued += 1
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": expires,
            "appid": principal.client_id,
            "appidacr": "2" if certified or principal.kind == "managed" else "1",
            "idp": self.issuer,
            "idtyp": "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self._estate.tenant_id,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
            "xms_generation": self._generations[principal.object_id],
        }
        if principal.graph_roles:
            claims["roles"] = list(principal.graph_roles)
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})
        return token, expires

    def check(self, authorization: str, audiences: frozenset[str]) -> Caller:
        """Return whom the header's token names.

        Raises `TokenRefusedError` for one that is missing, not ours, for another audience, past
        its end, or revoked.
        """
        caller = self.read(authorization)
        if caller.audience not in audiences:
            raise TokenRefusedError("audience", caller.audience)
        if caller.expires <= self._clock.epoch():
            raise TokenRefusedError("expired")
        if caller.generation != self._generations[caller.object_id]:
            raise TokenRefusedError("revoked")
        return caller

    def read(self, authorization: str) -> Caller:
        """Return whom the header's token names, whether or not it still holds anywhere."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenRefusedError("missing")
        known = self._known.get(token)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            known = self._known[token] = self._decode(token.strip())
        return known

    def revoke(self, object_id: str | None = None) -> None:
        """Make every token issued so far worthless: one object's, or everybody's."""
        for principal in self._estate.principals.values():
            if object_id in (None, principal.object_id):
                self._generations[principal.object_id] += 1

    def key_set(self) -> dict[str, object]:
        """Return the public key that the tokens are signed with (RFC 7517)."""
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        shown = {name: public[name] for name in ("n", "e")}
        key = {"kty": "RSA", "use": "sig", "kid": _KEY_ID, "alg": "RS256", **shown}
        return {"keys": [key | {"issuer": self.issuer}]}

    def _decode(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                issuer=self.issuer,
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError:
            raise TokenRefusedError("invalid") from None
        return Caller(
            object_id=claims["oid"],
            client_id=claims["appid"],
            audience=claims["aud"],
            issued=claims["iat"],
            expires=claims["exp"],
            roles=tuple(claims.get("roles", ())),
            generation=claims["xms_generation"],
            token_id=claims["uti"],
        )
