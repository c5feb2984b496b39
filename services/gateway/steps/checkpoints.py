"""Where the audit log's checkpoints go, so that the database's owner cannot change them."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.audit import Checkpoint, Export, to_file
from shared.telemetry import get_logger

logger = get_logger(__name__)

FOLDER: Final = "audit"
CHECKPOINTS: Final = "checkpoints.jsonl"
PUBLIC_KEY: Final = "public-key.pem"


def checkpoint_export(folder: Path | None) -> Export:
    """Return an export that logs each checkpoint, and appends it to a file if there is a folder."""
    write = to_file(folder / FOLDER / CHECKPOINTS) if folder else None

    def export(checkpoint: Checkpoint) -> None:
        if write:
            write(checkpoint)
        logger.info("audit checkpoint", checkpoint=checkpoint.to_line())

    return export


def write_public_key(folder: Path, key: Ed25519PrivateKey) -> None:
    """Put the key that verifies the checkpoints beside them."""
    file = folder / FOLDER / PUBLIC_KEY
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
