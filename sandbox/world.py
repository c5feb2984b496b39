"""What all simulated services share."""

from dataclasses import dataclass, field

from sandbox.access import Access
from sandbox.clock import Clock
from sandbox.directory.quota import Quota
from sandbox.directory.replication import Replication
from sandbox.estate.model import Estate
from sandbox.names import Names
from sandbox.throttle import Quotas
from sandbox.tokens import Tokens


@dataclass(frozen=True, slots=True)
class World:
    """One tenant, its time, its addresses and its tokens.

    `pages` are pages of lists as they were last written, by vault, path and query. Whatever changes
    an item clears them.
    """

    names: Names
    clock: Clock
    estate: Estate
    access: Access
    tokens: Tokens
    identity_header: str
    replication: Replication
    graph_quota: Quota = field(default_factory=Quota)
    pages: dict[tuple[str, str, bytes], bytes] = field(default_factory=dict)
    quotas: Quotas = field(default_factory=Quotas)
