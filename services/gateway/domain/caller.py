"""Who calls, as far as the network tells: never taken from a header that nobody vouches for."""

from dataclasses import dataclass

from services.gateway.domain.client_ip import Address, network_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A request's origin. `own_origin` is the address by which the caller reached us."""

    address: Address
    is_https: bool
    own_origin: str
    user_agent: str

    @property
    def network(self) -> str:
        """Return what limits are counted for."""
        return network_of(self.address)
