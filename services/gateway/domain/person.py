"""Changing who may do what: which changes are refused, whoever asks."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.gateway.domain.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user as administrators see one; `scope` is a selector of vaults, empty for everything."""

    id: UUID
    username: str
    role: Role
    scope: str
    disabled: bool
    must_change_password: bool
    created_at: datetime
    revision: int

    @property
    def may_administer(self) -> bool:
        """Whether this is an administrator who can sign in."""
        return self.role is Role.ADMIN and not self.disabled


def refusal(actor: Person | None, target: Person) -> str | None:
    """Return why `actor` does not change `target`, as a sentence, or None.

    Nobody changes their own rights. So whoever takes an administrator's away stays one, and there
    is always one left: provided that both rows are locked while this is asked, since two who demote
    each other at once would leave none.
    """
    if actor is None or not actor.may_administer:
        return "Your own rights were changed meanwhile; sign in again."
    if actor.id == target.id:
        return "Another administrator changes your account; you cannot do it yourself."
    return None


def difference(before: Person, after: Person) -> tuple[str, str]:
    """Return what changed in words for the audit log: as it was, and as it is."""
    names = [
        name
        for name in ("role", "scope", "disabled")
        if getattr(before, name) != getattr(after, name)
    ]
    return _words(before, names), _words(after, names)


def _words(person: Person, names: list[str]) -> str:
    found = (
        f"{name}={getattr(person, name) or 'everything'}" for name in names if name != "disabled"
    )
    state = ("disabled" if person.disabled else "enabled",) if "disabled" in names else ()
    return ", ".join((*found, *state))
