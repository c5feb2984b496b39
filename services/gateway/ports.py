"""What the gateway asks of its cryptography; `adapters/` implement these."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.gateway.domain.session import Claims


class PasswordHasher(Protocol):
    """Turns passwords into hashes, slowly."""

    async def hash(self, password: str) -> str:
        """Return a salted hash that names its own parameters."""
        ...

    async def verify(self, stored: str | None, password: str) -> bool:
        """Return whether the password fits; None (no such user) takes as long and never fits."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made with weaker parameters than today's."""
        ...


class GuessCounter(Protocol):
    """Judges how well a password withstands guessing."""

    async def guesses(self, password: str, *, context: Iterable[str]) -> float:
        """Return about how many guesses it takes; words of the context are tried first."""
        ...


class OneTimeCodes(Protocol):
    """Codes that a device shows and that change with time (RFC 6238)."""

    def new_secret(self) -> str:
        """Return a new random secret in base32."""
        ...

    def address(self, secret: str, username: str) -> str:
        """Return the secret as an `otpauth:` address, which apps read from a QR code."""
        ...

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """Return the time step whose code this is, now or one step off; None for a wrong code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An Ed25519 key pair as raw bytes (RFC 8032), and when it was made."""

    kid: str
    public_key: bytes
    private_key: bytes
    created_at: datetime

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


class SessionTokens(Protocol):
    """Signs tokens that point at sessions, and reads them."""

    def sign(self, claims: Claims) -> str:
        """Return a token, signed by the newest key."""
        ...

    async def refresh(self) -> None:
        """Read the keys again; the newest signs."""
        ...

    async def read(self, token: str) -> Claims | None:
        """Return what a token says, or None unless one of our keys signed it for this gateway.

        Its instants are the caller's to judge.
        """
        ...
