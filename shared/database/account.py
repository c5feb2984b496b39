"""Running PostgreSQL as somebody who is not root.

PostgreSQL refuses to run as root. Root therefore starts it as an existing unprivileged account; an
ordinary user starts it as itself.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.errors import SettingsError

_ACCOUNTS: Final = ("postgres", "nobody")
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Account:
    """The account that PostgreSQL runs as; `uid` None means the current user."""

    uid: int | None = None
    gid: int | None = None

    @property
    def popen(self) -> Mapping[str, Any]:
        """Arguments that make `subprocess` change to this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path | int) -> None:
        """Give a file or an open descriptor to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def may_enter(self, path: Path) -> bool:
        """Say whether this account may enter (a folder) or run (a file) `path`."""
        if self.uid is None:
            return True
        test = ["/usr/bin/env", "test", "-x", str(path)]
        return subprocess.run(test, check=False, cwd="/", **self.popen).returncode == 0  # noqa: S603 - no shell


def unprivileged_account() -> Account:
    """Return whom PostgreSQL runs as here.

    Raises `SettingsError` when root finds no account to change to.
    """
    if os.geteuid() != 0:
        return Account()
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise SettingsError(
        "PostgreSQL cannot run as root and there is neither an account `postgres` nor `nobody`."
        " Add one (useradd --system postgres), or run as an ordinary user."
    )


def reachable(folder: Path, account: Account, copies: Path) -> Path:
    """Return `folder`, or a copy of the installation around it where `account` may run it.

    A virtual environment below a 0700 home is invisible to the account; opening the home to
    everyone would be worse than a copy of some thirty megabytes.
    """
    if account.may_enter(folder / "postgres"):
        return folder
    package = folder.parent.parent
    target = copies / package.name
    if not target.exists():
        unfinished = copies / f"{package.name}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        ignored = shutil.ignore_patterns("include", "*.py", "__pycache__", "*.a", "pginstall")
        shutil.copytree(package, unfinished, ignore=ignored)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, copies / libraries.name, dirs_exist_ok=True)
        unfinished.rename(target)
    return target / folder.relative_to(package)


def die_with_parent() -> Callable[[], None] | None:
    """Return what the child runs before `exec` so that it ends when this process does.

    The kernel then sends SIGINT, which PostgreSQL takes as a fast shutdown. It is a Linux feature
    and counts per thread: it must be called from the main thread. None elsewhere.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return arrange
