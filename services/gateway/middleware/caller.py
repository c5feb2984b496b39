"""Reading from a request who calls."""

from typing import cast

from starlette.requests import Request
from starlette.types import Scope

from services.gateway.domain.caller import Caller
from services.gateway.domain.client_ip import Network, client_address, is_trusted, parse_address
from services.gateway.steps.parts import Parts

LONGEST_USER_AGENT = 200
_FORWARDED = b"x-forwarded-proto"


def parts_of(request: Request) -> Parts:
    """Return the gateway's parts."""
    return cast("Parts", request.app.state.parts)


def is_https(scope: Scope) -> bool:
    """Say whether the caller reached us, or a trusted proxy before us, over HTTPS."""
    if not any(name == _FORWARDED for name, _ in scope["headers"]):
        return bool(scope["scheme"] == "https")
    return caller_of(Request(scope)).is_https


def caller_of(request: Request) -> Caller:
    """Return who calls; forwarded headers count only when a trusted proxy sent them."""
    found = getattr(request.state, "caller", None)
    if found is None:
        found = request.state.caller = _read(request)
    return cast("Caller", found)


def _read(request: Request) -> Caller:
    settings = parts_of(request).settings
    peer = request.client.host if request.client else None
    by_proxy = _is_proxy(peer, settings.proxies)
    scheme, host = str(request.scope["scheme"]), request.headers.get("host", "")
    if by_proxy:
        scheme = _first(request, "x-forwarded-proto") or scheme
        host = _first(request, "x-forwarded-host") or host
    return Caller(
        address=client_address(peer, request.headers.getlist("x-forwarded-for"), settings.proxies),
        is_https=scheme == "https",
        own_origin=settings.public_origin or f"{scheme}://{host}",
        user_agent=request.headers.get("user-agent", "")[:LONGEST_USER_AGENT],
    )


def _is_proxy(peer: str | None, proxies: tuple[Network, ...]) -> bool:
    address = parse_address(peer or "")
    return address is not None and is_trusted(address, proxies)


def _first(request: Request, header: str) -> str:
    return request.headers.get(header, "").partition(",")[0].strip()
