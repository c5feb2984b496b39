"""What all simulated services share."""

from dataclasses import dataclass, field

from sandbox.access import Access
from sandbox.clock import Clock
from sandbox.estate.model import Estate
from sandbox.names import Names
from sandbox.throttle import Quotas
from sandbox.tokens import Tokens


@dataclass(frozen=True, slots=True)
class World:
    """One tenant, its time, its addresses and its tokens."""

    names: Names
    clock: Clock
    estate: Estate
    access: Access
    tokens: Tokens
    identity_header: str
    quotas: Quotas = field(default_factory=Quotas)
