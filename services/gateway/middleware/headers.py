"""The headers that every answer has: what a browser may do with it, and what is kept."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from starlette.types import Message, Scope

from services.gateway.middleware.caller import is_https

Raw: TypeAlias = tuple[tuple[bytes, bytes], ...]

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# Swagger UI sets styles in its markup; its scripts are files of ours like any other.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_API_POLICY: Final = (
    "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"


def _raw(headers: Mapping[str, str]) -> Raw:
    return tuple(
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    )


def _with(policy: str, *, kept: bool) -> Raw:
    cache = {} if kept else {"cache-control": "no-store"}
    return _raw({**_ALWAYS, "content-security-policy": policy, **cache})


_OF_FILES: Final = _with(_PAGE_POLICY, kept=True)
_OF_THE_PAGE: Final = _with(_PAGE_POLICY, kept=False)
_OF_THE_DOCS: Final = _with(_DOCS_POLICY, kept=False)
_OF_THE_API: Final = _with(_API_POLICY, kept=False)
_OVER_HTTPS: Final = _raw({"strict-transport-security": _STRICT_TRANSPORT})


def add_headers(scope: Scope, start: Message) -> None:
    """Give the start of an answer the headers that it has not set itself."""
    headers: list[tuple[bytes, bytes]] = start["headers"]
    set_already = {name for name, _ in headers}
    state = scope["state"]
    own = state.get("response_headers")
    found = (
        *(_raw(own) if own else ()),
        (b"x-request-id", state["request_id"].encode()),
        *_of_the_path(scope["path"]),
        *(_OVER_HTTPS if is_https(scope) else ()),
    )
    start["headers"] = [*headers, *(one for one in found if one[0] not in set_already)]


def _of_the_path(path: str) -> Raw:
    if path.startswith("/assets/"):
        return _OF_FILES
    if path == "/":
        return _OF_THE_PAGE
    return _OF_THE_DOCS if path == "/docs" else _OF_THE_API
