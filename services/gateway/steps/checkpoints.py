"""Where the audit log's checkpoints go, so that the database's owner cannot change them."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.audit import Export, to_file

FOLDER: Final = "audit"
CHECKPOINTS: Final = "checkpoints.jsonl"
PUBLIC_KEY: Final = "public-key.pem"


def checkpoint_export(folder: Path | None) -> Export:
    """Return an export to a file in `folder`; without one the sealer's log line has to do."""
    return to_file(folder / FOLDER / CHECKPOINTS) if folder else lambda _: None


def write_public_key(folder: Path, key: Ed25519PrivateKey) -> None:
    """Put the key that verifies the checkpoints beside them."""
    file = folder / FOLDER / PUBLIC_KEY
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
