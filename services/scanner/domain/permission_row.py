"""A line of the permission doctor's answer."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a permission stands; in the order in which people should care."""

    EXCESS = "excess"
    MISSING = "missing"
    UNKNOWN = "unknown"
    NEEDED = "needed"
    HAVE = "have"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One permission on one scope.

    `needed` would be needed and could not be tried. `remedy` is the command that mends it;
    `reads_values` marks an excess whose holder could come to a value.
    """

    permission: str
    scope: str
    state: State
    why: str
    remedy: str | None = None
    vault_name: str | None = None
    reads_values: bool = False
