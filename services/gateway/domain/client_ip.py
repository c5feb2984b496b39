"""Whose request it is: the rightmost address that none of our own proxies has.

Every proxy appends the address that it was called from to `X-Forwarded-For`. Only what trusted
proxies appended can be believed, so the walk goes from the right and stops at the first address
that is not trusted. By default no proxy is trusted and the header is not read at all.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

UNKNOWN: Final = IPv4Address("0.0.0.0")  # noqa: S104 - not bound to: it stands for “not known”
MOST_HOPS: Final = 20
KEPT: Final = 4096
LONGEST: Final = 100
_IPV6_PREFIX: Final = 64


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated list; raises ValueError with a sentence.

    A list that trusts everybody is refused: each client could then choose its own address.
    """
    networks = tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("it trusts every address; name your proxies' own networks")
    return networks


def client_address(
    peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]
) -> Address:
    """Return the client's address.

    `forwarded` are the values of all `X-Forwarded-For` headers in the order in which they came. At
    an entry that is no address the walk stops at the last proxy that could be read.
    """
    address = parse_address(peer or "") or UNKNOWN
    hops = [hop for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-MOST_HOPS:]):
        if not is_trusted(address, trusted):
            return address
        before = parse_address(hop)
        if before is None:
            return address
        address = before
    return address


def is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


@lru_cache(maxsize=KEPT)
def network_of(address: Address) -> str:
    """Return what limits are counted for: an IPv4 address, or an IPv6 /64 (one household)."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _IPV6_PREFIX), strict=False))


def parse_address(text: str) -> Address | None:
    """Read an address, with or without a port; an IPv4 address in IPv6 form becomes IPv4.

    A zone (`%eth0`) names an interface of whoever wrote it, and is left out.
    """
    text = text.strip()
    return _read(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=KEPT)
def _read(text: str) -> Address | None:
    """Most requests come from a few addresses; reading one takes longer than finding its route."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
