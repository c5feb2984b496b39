"""Who asks for something that another service does."""

from dataclasses import dataclass
from uuid import UUID

from services.gateway.domain.caller import Caller
from services.gateway.domain.scope import Scope
from services.gateway.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A session, how much it sees (None: everything), and the course of events that it begins."""

    session: Session
    scope: Scope | None
    caller: Caller
    course: UUID

    @property
    def name(self) -> str:
        """The user's name; nobody else ever gets it."""
        return self.session.username
