"""Reading addresses the way the transport reads them.

A guard that parses an address differently from the client that sends to it can be fooled. Both use
yarl, and an address with a form that parsers disagree about is refused before it is parsed.
"""

import re
from functools import lru_cache
from typing import Final

from yarl import URL

DEFAULT_PORT: Final = 443
VAULT_LABEL: Final = re.compile(r"[a-z0-9-]{1,63}")
_PLAIN: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]+")  # printable ASCII without the backslash


def origin(url: str) -> tuple[str, int] | None:
    """Return the host (lower case) and port of an https address; None if it has a doubtful form.

    Doubtful are another scheme, a user or password before the host, white space, a backslash and
    characters beyond ASCII. Azure's links carry `:443`, which means the same as no port.
    """
    parsed = parse(url)
    if parsed is None or parsed.scheme != "https" or parsed.raw_authority.count("@"):
        return None
    if parsed.raw_host is None:
        return None
    return parsed.raw_host.lower(), parsed.port or DEFAULT_PORT


@lru_cache(maxsize=1_024)
def parse(url: str) -> URL | None:
    """Return the address as the transport will understand it; None if its form is doubtful.

    Whoever follows a link, and each guard, asks for the same address.
    """
    if _PLAIN.fullmatch(url) is None:
        return None
    try:
        return URL(url)
    except ValueError:
        return None
