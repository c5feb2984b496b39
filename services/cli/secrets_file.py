"""The secrets that `up` makes on its first start and keeps beside the data."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.cli.settings import SERVICES
from shared.errors import SettingsError

FILE: Final = "secrets.json"


@dataclass(frozen=True, slots=True)
class PlatformSecrets:
    """The key that wraps what is stored encrypted, and one database password per role."""

    secret_key: str
    passwords: dict[str, str]

    def __repr__(self) -> str:
        return "PlatformSecrets(…)"


def keep_secrets(folder: Path, *, secret_key: str | None) -> PlatformSecrets:
    """Return the folder's secrets, made on the first call and the same from then on.

    A `secret_key` that was given wins; if the folder was begun with another one it is refused,
    since what is stored could not be read any more.
    """
    path = folder / FILE
    if not path.exists():
        _write(
            path, {"secret_key": secret_key or secrets.token_hex(32), "passwords": _passwords({})}
        )
    stored = _read(path)
    if secret_key and stored["secret_key"] != secret_key:
        raise SettingsError(
            f"SECRET_KEY differs from the one that {folder} was begun with; unset it or use it."
        )
    if set(stored["passwords"]) != {*SERVICES, "migrator"}:
        stored["passwords"] = _passwords(stored["passwords"])
        _write(path, stored)
    return PlatformSecrets(stored["secret_key"], stored["passwords"])


def _passwords(known: dict[str, str]) -> dict[str, str]:
    return {name: known.get(name) or secrets.token_urlsafe(24) for name in (*SERVICES, "migrator")}


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        raise SettingsError(
            f"{path} is damaged; restore it from a backup, or remove the folder to begin anew."
        ) from None
    return content


def _write(path: Path, content: object) -> None:
    """Write so that a crash leaves the old file or the new one; only the owner may read it."""
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
