"""The SCRAM verifier of a password, so that the password itself is never part of a statement.

A statement may end up in the server's log. Format: RFC 5803 as PostgreSQL stores it.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

ITERATIONS: Final = 4096


def verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL stores for `password` (ASCII passwords; no SASLprep is done)."""
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
