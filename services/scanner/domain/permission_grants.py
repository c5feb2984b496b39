"""What granted permissions allow, by Azure's own rules for role definitions.

Azure RBAC, "Understand Azure role definitions": `*` stands for any characters, slashes too; case
does not matter; NotActions and NotDataActions take away from the same role's Actions and
DataActions only, never from another role's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.scanner.domain.permission_catalogue import (
    CONTROL,
    DATA,
    POLICY,
    PREFIX,
    SELF_GRANTING_WITH_POLICIES,
    Danger,
)

_PATTERNS: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One role's permissions, as `Microsoft.Authorization/permissions` lists them."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, operation: str, *, data: bool) -> bool:
        """Whether this role allows an operation, on the data plane or on the control plane."""
        if data:
            return _any(self.data_actions, operation) and not _any(self.not_data_actions, operation)
        return _any(self.actions, operation) and not _any(self.not_actions, operation)


def allows(grants: Iterable[Grant], operation: str, *, data: bool) -> bool:
    """Whether one of these roles allows an operation: what one takes away, another may give."""
    return any(grant.allows(operation, data=data) for grant in grants)


def dangers(grants: Iterable[Grant], *, rbac: bool) -> dict[str, Danger]:
    """Return the operations on a vault, of those that discovery must not have, that are allowed.

    Without RBAC a vault asks its access policies about its data, and whoever may write it may
    write those.
    """
    held = tuple(grants)
    found = {
        operation: SELF_GRANTING_WITH_POLICIES.get(operation, danger) if not rbac else danger
        for operation, danger in CONTROL.items()
        if allows(held, operation, data=False)
    }
    if rbac:
        found |= {
            operation: danger
            for operation, danger in DATA.items()
            if danger and allows(held, operation, data=True)
        }
    return found


def unfamiliar(grants: Iterable[Grant]) -> list[str]:
    """Return granted data actions on vaults that name nothing this release has heard of."""
    return sorted(
        {
            pattern
            for grant in grants
            for pattern in grant.data_actions
            if pattern.lower().startswith(PREFIX.lower())
            and not any(matches(pattern, operation) for operation in DATA)
            and not _any(grant.not_data_actions, pattern)
        }
    )


def matches(pattern: str, operation: str) -> bool:
    """Whether an action's pattern covers an operation."""
    return _compiled(pattern).fullmatch(operation) is not None


def _any(patterns: Iterable[str], operation: str) -> bool:
    return any(matches(pattern, operation) for pattern in patterns)


@lru_cache(_PATTERNS)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.DOTALL)


def policy_dangers(permissions: Mapping[str, Iterable[str]]) -> dict[str, Danger]:
    """Return what an access policy's words allow of what discovery must not have.

    Words as `secrets get`. One that this release has not heard of counts as `UNFAMILIAR`.
    """
    found: dict[str, Danger] = {}
    for kind, words in permissions.items():
        known = POLICY.get(kind.lower(), {})
        held = {word.lower() for word in words}
        if "all" in held:
            held = held - {"all"} | set(known)
        judged = {word: known.get(word, Danger.UNFAMILIAR) for word in held}
        found |= {f"{kind} {word}": danger for word, danger in judged.items() if danger}
    return found
