"""Canaries in real processes: the secrets that `up` was given or made, and where they may be."""

import json
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote, urlsplit

from services.cli.platform import CLOUD_IDENTITIES
from services.cli.settings import SERVICES
from tests.smoke.api import PASSWORD
from tests.smoke.platform import Platform
from tests.support.canary.search import Search

# Files below the data folder that hold secrets, because that is what they are for.
KEPT: Mapping[str, str] = {
    "secrets.json": "what `up` made on its first start",
    "postgres/superuser.pw": "the embedded database's administrator",
    "sandbox/*": "the simulated clouds' own",
}
# Databases that PostgreSQL makes and nobody writes to.
UNTOUCHED = ("data/base/1/*", "data/base/4/*", "pgdist/*")


def secrets_of(platform: Platform, given: Mapping[str, str]) -> dict[str, str]:
    """Return every secret of the platform; `given` are those that it did not make itself."""
    ready = platform.ready
    passwords = json.loads((platform.folder / "data" / "secrets.json").read_text())["passwords"]
    return {
        **given,
        "the database's administrator": unquote(urlsplit(ready["database_url"]).password or ""),
        **{f"the database's password of {name}": passwords[name] for name in SERVICES},
        "IDENTITY_HEADER": ready["sandbox"]["identity_header"],
        "the set-up token": ready["setup_token"],
        "the first administrator's password": PASSWORD,
    }


def family(pid: int) -> dict[int, list[bytes]]:
    """Return the command line of a process and of every one that came of it, by process id."""
    found: dict[int, list[bytes]] = {}
    waiting = [pid]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())
    return found


def may_read(words: list[bytes]) -> set[str]:
    """Return in which variables the process of a command line may find a secret."""
    if b"up" in words:
        return {"SECRET_KEY"}
    service = words[-2].decode() if len(words) > 1 else ""
    if service not in SERVICES:
        return set()
    identity = {"IDENTITY_HEADER"} if service in CLOUD_IDENTITIES else set()
    return {"SECRET_KEY", f"{service.upper()}_DATABASE_URL"} | identity


def telling_variables(pid: int, search: Search) -> set[str]:
    """Return the names of a process's variables that tell a secret."""
    with suppress(OSError):
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return {v.split(b"=")[0].decode() for v in variables if search.leaks("a variable", v)}
    return set()


def telling_files(folder: Path, search: Search) -> dict[str, set[str]]:
    """Return which inputs each file below a folder tells; those that tell nothing are left out."""
    told = {}
    for file in folder.rglob("*"):
        name = str(file.relative_to(folder))
        if not file.is_file() or any(fnmatch(name, one) for one in UNTOUCHED):
            continue
        with suppress(FileNotFoundError):  # PostgreSQL has removed it meanwhile
            told[name] = {leak.input for leak in search.leaks(name, file.read_bytes())}
    return {name: inputs for name, inputs in told.items() if inputs}


def is_kept(name: str) -> bool:
    """Say whether a file may hold secrets."""
    return any(fnmatch(name, kept) for kept in KEPT)
