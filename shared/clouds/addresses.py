"""Fixed addresses for a cloud's own names, where this network's DNS does not give them.

A network with private endpoints and without their DNS zones, and a gateway that all of Azure's
traffic takes, have the same need: these names are there. Only where a name leads changes. Which
hosts a token may be sent to, and whose certificate is believed for them, stay as they are.
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import SettingsError

_LARGEST_PORT: Final = 65_535
_FORM: Final = (
    "CLOUD_ADDRESSES: write name=address or name=address:port, several with commas between:"
    " *.vault.azure.net=10.0.0.5, management.azure.com=[fd00::5]:8443."
)


@dataclass(frozen=True, slots=True)
class FixedAddress:
    """Where a name is found; one that begins with `*.` stands for all names that end so.

    Without a port it is the one that was asked for.
    """

    name: str
    address: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name=address:port`. Raises `SettingsError` with the form that is expected."""
        name, found, where = text.strip().partition("=")
        address, port = _split(where.strip())
        if not (found and name.strip("*. ")):
            raise SettingsError(f"{_FORM} {text.strip()!r} has another form.")
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            raise SettingsError(f"{_FORM} {address!r} is no IP address.") from None
        return cls(name.strip().lower(), str(ip), port)

    def covers(self, host: str) -> bool:
        """Say whether this is where a host is found."""
        if self.name.startswith("*."):
            return host.endswith(self.name[1:])
        return host == self.name


def parse_addresses(text: str, hosts: Sequence[str]) -> tuple[FixedAddress, ...]:
    """Read a list of fixed addresses for a cloud's hosts (`*` stands for a vault).

    Raises `SettingsError` for a form that cannot be read, and for a name outside the cloud.
    """
    found = tuple(FixedAddress.parse(part) for part in text.split(",") if part.strip())
    for one in found:
        if not any(one.name == host or one.name.endswith(host.lstrip("*")) for host in hosts):
            raise SettingsError(
                f"CLOUD_ADDRESSES: {one.name} is no host of this cloud; its hosts are"
                f" {', '.join(hosts)}. Check CLOUD."
            )
    return found


class FixedResolver(AbstractResolver):
    """Answers with the fixed addresses, and asks DNS for every other name."""

    def __init__(self, addresses: Sequence[FixedAddress]) -> None:
        self._addresses = addresses
        self._other = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        fixed = next((one for one in self._addresses if one.covers(host.lower())), None)
        if fixed is None:
            return await self._other.resolve(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=fixed.address,
                port=fixed.port or port,
                family=socket.AF_INET6 if ":" in fixed.address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        await self._other.close()


def _split(where: str) -> tuple[str, int | None]:
    """Return the address and the port of `1.2.3.4:5`, `[::1]:5`, or either without a port."""
    if where.startswith("["):
        address, _, port = where[1:].partition("]")
        port = port.removeprefix(":")
    elif where.count(":") > 1:
        return where, None
    else:
        address, _, port = where.partition(":")
    if not port:
        return address, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LARGEST_PORT):
        raise SettingsError(f"{_FORM} {port!r} is no port.")
    return address, int(port)
