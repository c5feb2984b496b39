"""Making the data folder of an embedded cluster."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.database.account import Account
from shared.errors import SettingsError

_BUILTIN_LOCALE_MAJOR: Final = 17


def initialise(
    programs: Path, data: Path, *, account: Account, major: int, superuser: str, password: str
) -> None:
    """Make `data` with one superuser.

    initdb works in a folder beside, so that a half-done one is never taken for a whole. Raises
    `SettingsError` with what initdb says when it fails.
    """
    unfinished = data.with_name(f"{data.name}.part")
    for leftover in (unfinished, data):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    with _pipe_with(password, account) as pipe:
        command = [str(programs / "initdb"), "-D", str(unfinished), "-U", superuser, "-E", "UTF8"]
        command += ["-A", "scram-sha-256", f"--pwfile=/dev/fd/{pipe}", "--no-instructions"]
        done = subprocess.run(  # noqa: S603 - no shell, our own arguments
            [*command, *_locale(major)],
            check=False,
            pass_fds=(pipe,),
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            **account.popen,
        )
    if done.returncode != 0:
        raise SettingsError(f"PostgreSQL's initdb failed: {done.stderr.strip()}")
    unfinished.rename(data)


def _locale(major: int) -> list[str]:
    """Sort by code point, the same on every system, whatever its C library thinks."""
    if major >= _BUILTIN_LOCALE_MAJOR:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C"]
    return ["--no-locale"]


@contextmanager
def _pipe_with(password: str, account: Account) -> Iterator[int]:
    """Hand the password over without a file, and without an argument that `ps` shows."""
    read, write = os.pipe()
    try:
        os.write(write, password.encode())
        os.close(write)
        account.own(read)
        yield read
    finally:
        os.close(read)
