"""Where an embedded cluster keeps its files.

An ordinary user keeps everything in the state folder. Root cannot, where the account that
PostgreSQL runs as may not enter it (a 0700 home): the files then lie in a folder of their own, and
the state folder holds a pointer to it.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from shared.database.account import Account
from shared.errors import SettingsError

POINTER: Final = "postgres-location"
_PLACES: Final = (Path("/var/lib/certifyclouds"), Path("/var/tmp"))  # noqa: S108 - a fresh 0711 folder inside


def locate(state: Path, account: Account, places: Sequence[Path] = _PLACES) -> Path:
    """Return the folder for the cluster's files; it exists and `account` may enter it.

    Raises `SettingsError` when the folder that the pointer names is gone, or no place will do.
    """
    pointer = state / POINTER
    if pointer.exists():
        return _follow(pointer)
    if account.may_enter(state):
        return state
    for place in places:
        folder = place / f"certifyclouds-{secrets.token_hex(8)}"
        try:
            place.mkdir(mode=0o755, exist_ok=True)
            folder.mkdir(mode=0o711)
        except OSError:
            continue
        if account.may_enter(folder):
            pointer.write_text(f"{folder}\n")
            return folder
    raise SettingsError(
        f"PostgreSQL does not run as root, and its account may enter neither {state} nor any of"
        f" {', '.join(map(str, places))}. Choose a --data-dir that it may enter."
    )


def _follow(pointer: Path) -> Path:
    folder = Path(pointer.read_text().strip())
    if not folder.is_dir():
        raise SettingsError(
            f"{pointer} says that the database is in {folder}, which is gone. Bring it back from a"
            f" backup, or delete {pointer} to begin with an empty database."
        )
    return folder
