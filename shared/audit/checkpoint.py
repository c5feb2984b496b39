"""Signed statements of how far the chain goes, kept where the database's owner cannot change them.

Whoever owns the tables can cut the chain's tail off or write it anew. A checkpoint that has left
the database says at which position which hash stood.
"""

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from shared.errors import PermanentError

Export = Callable[["Checkpoint"], None]
_PURPOSE: Final = b"certifyclouds audit checkpoint 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """At `at`, the chain ended at `position` with `hash`; signed with the key named `key_id`."""

    position: int
    hash: bytes
    at: datetime
    key_id: str
    signature: bytes

    @classmethod
    def sign(cls, key: Ed25519PrivateKey, *, position: int, hash_: bytes, at: datetime) -> Self:
        signature = key.sign(_message(position, hash_, at))
        name = key_id(key.public_key())
        return cls(position=position, hash=hash_, at=at, key_id=name, signature=signature)

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Say whether this statement was signed with `key` and not changed since."""
        try:
            key.verify(self.signature, _message(self.position, self.hash, self.at))
        except InvalidSignature:
            return False
        return True

    def to_line(self) -> str:
        """Return it as one line of JSON."""
        return orjson.dumps(
            {
                "position": self.position,
                "hash": self.hash.hex(),
                "at": self.at.isoformat(),
                "key_id": self.key_id,
                "signature": b64encode(self.signature).decode(),
            }
        ).decode()

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read what `to_line` wrote; raises `PermanentError` for anything else."""
        try:
            data = orjson.loads(line)
            return cls(
                position=int(data["position"]),
                hash=bytes.fromhex(data["hash"]),
                at=datetime.fromisoformat(data["at"]),
                key_id=str(data["key_id"]),
                signature=b64decode(data["signature"], validate=True),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(
                f"This is not an audit checkpoint: {line[:80]!r}. Is it the right file?"
            ) from error


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read the key that verifies checkpoints (PEM); raises `PermanentError` for anything else."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise PermanentError(
            f"{path} is no Ed25519 public key; it is public-key.pem beside the checkpoints."
        )
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """Return the short name of a public key: the start of its SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def to_file(path: Path) -> Export:
    """Return an export that appends each checkpoint to `path` and waits until it is on the disk."""

    def export(checkpoint: Checkpoint) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(checkpoint.to_line() + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    return export


def read_file(path: Path) -> list[Checkpoint]:
    """Read the checkpoints that `to_file` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Checkpoint.from_line(line) for line in lines if line.strip()]


def _message(position: int, hash_: bytes, at: datetime) -> bytes:
    facts = (str(position), hash_.hex(), at.astimezone(UTC).isoformat())
    return b"\n".join((_PURPOSE, *(fact.encode() for fact in facts)))
