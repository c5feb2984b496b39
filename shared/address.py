"""Addresses that hold a password: how one is read, and whether who answers must prove itself."""

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

_HOST: Final = r"(?:\[[0-9a-fA-F:.%]*\]|[^/?#@:,\[\]\s]*)(?::\d{0,5})?"
_WHOLE: Final = re.compile(
    r"[a-z][a-z0-9+.]*://"
    r"(?:[^/?#@:\s]*(?::[^/?#@\s]*)?@)?"
    rf"{_HOST}(?:,{_HOST})*"
    r"(?:/[^?#@\s]*)?(?:\?[^#@\s]*)?"
)
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_PORT: Final = re.compile(r":\d*$")
_PLAIN, _PROVEN = "disable", "verify-full"
ESCAPE: Final = "write signs such as / ? # @ in its password as %2F %3F %23 %40"


def is_whole(address: str) -> bool:
    """Say whether an address has the form `scheme://name:password@host:port/path?options`.

    A sign that was not escaped in the password makes the rest of it the host, the port or the path.
    Those are told in errors and written into rows, and parsers repeat a port that is no number.
    """
    return _WHOLE.fullmatch(address) is not None


def asks_for_proof(address: str) -> bool:
    """Say whether the server at a database's address must prove by certificate who it is.

    Every server must that is not on this machine, unless the address says `sslmode=disable`. Raises
    `ValueError` for modes that encrypt for whoever answers (libpq's allow, prefer, require and
    verify-ca).
    """
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    mode = query.get("sslmode", [""])[-1]
    if mode not in {"", _PLAIN, _PROVEN}:
        raise ValueError(
            "its sslmode does not prove who answers: use verify-full (with sslrootcert=FILE for an"
            " authority of your own), or disable on a network that nobody else is on"
        )
    hosts = [*parts.netloc.rpartition("@")[2].split(","), *_names(query.get("host", []))]
    return mode == _PROVEN or (mode != _PLAIN and not all(map(_is_local, hosts)))


def _names(values: list[str]) -> list[str]:
    return [name for value in values for name in value.split(",")]


def _is_local(host: str) -> bool:
    name = _PORT.sub("", host) if host.count(":") == 1 or "]" in host else host
    return name.strip("[]").lower() in _LOOPBACK or host.startswith("/")
