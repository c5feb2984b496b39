"""Which vaults somebody's scope means now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from services.gateway.domain.scope import Scope
from services.gateway.domain.session import Session
from services.gateway.queries.sight import vault_facts
from services.gateway.steps.cached import Cached
from shared.clock import Clock
from shared.database import Pool
from shared.selector import Facts, Verdict, parse_scope

FRESH_FOR: Final = timedelta(seconds=5)

ScopeOf: TypeAlias = Callable[[Session], Awaitable[Scope | None]]


@dataclass(frozen=True, slots=True)
class Places:
    """The facts of every vault as they were read at one moment, and what scopes mean there."""

    facts: Mapping[int, Facts]
    meant: dict[str, Scope] = field(default_factory=dict)

    def scope_of(self, selector: str) -> Scope:
        """Return the vaults that a selector means; what is not known is out of sight."""
        if selector not in self.meant:
            judge = parse_scope(selector).verdict
            ids = (id_ for id_, facts in self.facts.items() if judge(facts) is Verdict.YES)
            self.meant[selector] = Scope(vault_ids=frozenset(ids))
        return self.meant[selector]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Looks scopes up; all sessions of a replica share one reading of the vaults.

    A changed scope counts at once, because its text comes with each session. A vault that is new or
    has other tags counts within `FRESH_FOR`, and when a scan of it has ended.
    """

    places: Cached[Places]

    @classmethod
    def over(cls, pool: Pool, clock: Clock) -> "Sight":
        """Return the sight of a gateway's database."""

        async def read() -> Places:
            return Places(await vault_facts(pool))

        return cls(places=Cached(read=read, clock=clock, fresh_for=FRESH_FOR))

    async def scope_of(self, session: Session) -> Scope | None:
        """Return how much a session sees; None for everything."""
        if not session.scope:
            return None
        return (await self.places.get()).scope_of(session.scope)
