"""Addresses that hold a password: whether one can be read without guessing where that ends."""

import re
from typing import Final

_HOST: Final = r"(?:\[[0-9a-fA-F:.%]*\]|[^/?#@:,\[\]\s]*)(?::\d{0,5})?"
_WHOLE: Final = re.compile(
    r"[a-z][a-z0-9+.]*://"
    r"(?:[^/?#@:\s]*(?::[^/?#@\s]*)?@)?"
    rf"{_HOST}(?:,{_HOST})*"
    r"(?:/[^?#@\s]*)?(?:\?[^#@\s]*)?"
)
ESCAPE: Final = "write signs such as / ? # @ in its password as %2F %3F %23 %40"


def is_whole(address: str) -> bool:
    """Say whether an address has the form `scheme://name:password@host:port/path?options`.

    A sign that was not escaped in the password makes the rest of it the host, the port or the path.
    Those are told in errors and written into rows, and parsers repeat a port that is no number.
    """
    return _WHOLE.fullmatch(address) is not None
