"""Who may come in: shared access signatures, checked with the key, and tokens of Entra.

Service Bus documentation, "Service Bus access control with Shared Access Signatures" and
"Authenticate and authorize an application with Microsoft Entra ID".
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus, unquote

from sandbox.service_bus.errors import UNAUTHORIZED, BusError
from sandbox.service_bus.namespace import path_of

_SIGNATURE: Final = "SharedAccessSignature "


class Authority:
    """Checks what a client shows. `check_jwt` raises `BusError` for a token that it refuses.

    `now` tells the seconds since 1970 that a signature's end is compared with.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        check_jwt: Callable[[str], None] | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._keys = dict(keys)
        self._check_jwt = check_jwt

    def check(self, token: str, audience: str) -> None:
        """Raise `BusError` (401) unless the token opens what the audience names, a URI."""
        if token.startswith(_SIGNATURE):
            self._check_signature(token.removeprefix(_SIGNATURE), audience)
        elif self._check_jwt is None:
            raise _refused("InvalidToken: this namespace takes shared access signatures only.")
        else:
            self._check_jwt(token)

    def sign(self, uri: str, expires: int) -> str:
        """Return a signature for a URI that holds until so many seconds after 1970."""
        name, key = next(iter(self._keys.items()))
        scope = quote_plus(uri)
        signature = quote_plus(_hmac(key, scope, str(expires)))
        return f"{_SIGNATURE}sr={scope}&sig={signature}&se={expires}&skn={name}"

    def _check_signature(self, token: str, audience: str) -> None:
        pairs = (part.partition("=") for part in token.split("&"))
        parts = {name: value for name, _, value in pairs}
        key = self._keys.get(unquote(parts.get("skn", "")))
        if key is None:
            raise _refused("InvalidSignature: there is no shared access policy of this name.")
        right = _hmac(key, parts.get("sr", ""), parts.get("se", ""))
        if not hmac.compare_digest(right, unquote(parts.get("sig", ""))):
            raise _refused("InvalidSignature: The token has an invalid signature.")
        if not parts["se"].isdigit() or int(parts["se"]) <= self._now():
            raise _refused("ExpiredToken: The token is expired.")
        if not covers(path_of(unquote(parts["sr"])), path_of(audience)):
            raise _refused("InvalidAudience: The token is for another entity.")


def _hmac(key: str, scope: str, expires: str) -> str:
    signed = f"{scope}\n{expires}".encode()
    return base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def covers(granted: str, asked: str) -> bool:
    """Say whether what was granted for a path is good for another: for itself and all below."""
    above, path = granted.strip("/").lower(), asked.strip("/").lower()
    return above in ("", path) or path.startswith(f"{above}/")


def _refused(why: str) -> BusError:
    return BusError(UNAUTHORIZED, why, 401)
