"""The folder of one platform: made if need be, and used by one `up` at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import SettingsError

# Others may pass through, as the account must that PostgreSQL runs as; nobody else may look around.
FOLDER_MODE: Final = 0o711
LOCK: Final = "up.lock"


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold the folder until the block ends; the kernel lets go of it if this process dies.

    Raises `SettingsError` for a folder that cannot be used and for one that is in use.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        # Not passed on to children: one that outlives us must not hold it.
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be used ({error.strerror}); choose another --data-dir that you may"
            " write to."
        ) from None
    try:
        _take(lock, folder)
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsError(
            f"Another `up` is running in {folder}; stop it, or choose another --data-dir."
        ) from None
