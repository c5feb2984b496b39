"""The session's cookie, as a browser must have sent it: by its exact name, and once.

A browser keeps `__Host-` cookies apart from those that another site under the same domain may set,
but only by the exact name. One that differs by a blank of some alphabet is nobody's, and so are
two: of those at least one was planted.
"""

from collections.abc import Iterable
from typing import Final

COOKIE: Final = "__Host-session"


def session_cookie(headers: Iterable[str]) -> str:
    """Return the session's token of all `Cookie` headers, or nothing."""
    pairs = (pair.strip(" \t").partition("=") for line in headers for pair in line.split(";"))
    found = [value for name, _, value in pairs if name == COOKIE]
    return found[0] if len(found) == 1 else ""
