"""What an identity may do beyond what is needed, and which assignment or policy lets it."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.scanner.domain import permission_remedy as remedy
from services.scanner.domain.permission_catalogue import Danger
from services.scanner.domain.permission_facts import (
    Assignment,
    Facts,
    Identity,
    PolicyEntry,
    VaultFacts,
)
from services.scanner.domain.permission_grants import Grant, dangers, policy_dangers, unfamiliar
from services.scanner.domain.permission_row import Row, State
from shared.events.permissions import Answer

_WHY: Final[Mapping[Danger, str]] = {
    Danger.READS: "could read or use values",
    Danger.GRANTS: "could give itself what reads values",
    Danger.WRITES: "could change or delete",
    Danger.UNFAMILIAR: "is unknown to this release",
}


def reads(found: VaultFacts, identity: Identity | None) -> Answer:
    """Whether the identity could come to a value in a vault; its network is not looked at."""
    held = set(dangers(found.held(), rbac=found.vault.rbac).values())
    if not found.vault.rbac and identity:
        for entry in _own(found, identity):
            held |= set(policy_dangers(entry.permissions).values())
    if any(danger.could_read for danger in held):
        return Answer.YES
    if found.granted.answer is not Answer.YES or Danger.UNFAMILIAR in held:
        return Answer.UNKNOWN
    told = _roles_are_told(found) if found.vault.rbac else _policies_are_told(found, identity)
    return Answer.NO if told else Answer.UNKNOWN


def _roles_are_told(found: VaultFacts) -> bool:
    """Whether every role is known, those on single items too, and all that they allow."""
    return found.assignments is not None and not unfamiliar(found.held())


def _policies_are_told(found: VaultFacts, identity: Identity | None) -> bool:
    """Whether it is known which of the vault's policies are the identity's."""
    if found.policies is None or identity is None:
        return False
    return not _perhaps_own(found, identity)


def _own(found: VaultFacts, identity: Identity) -> list[PolicyEntry]:
    return [entry for entry in found.policies or () if identity.is_named(entry.object_id)]


def _perhaps_own(found: VaultFacts, identity: Identity) -> list[PolicyEntry]:
    """Return dangerous policies of others that may be of groups that nothing tells of."""
    if identity.groups is not None:
        return []
    own = _own(found, identity)
    return [
        entry
        for entry in found.policies or ()
        if entry not in own and policy_dangers(entry.permissions)
    ]


@dataclass(slots=True)
class _Held:
    """What one cause lets the identity do: operations, and the vaults in which."""

    operations: dict[str, Danger] = field(default_factory=dict)
    vaults: dict[str, str] = field(default_factory=dict)


def excess_of_roles(facts: Facts) -> Iterator[Row]:
    """Yield a row for each assignment and danger; for each vault where none is known to blame."""
    causes: defaultdict[tuple[str, Danger], _Held] = defaultdict(_Held)
    known = {one.id: one for found in facts.vaults for one in found.assignments or ()}
    for found in facts.vaults:
        vault = found.vault
        for operation, danger in _dangers(found.held(), rbac=vault.rbac).items():
            blamed = [
                one.id
                for one in found.assignments or ()
                if operation in _dangers(one.grants, rbac=vault.rbac)
            ]
            for cause in blamed or [vault.resource_id]:
                held = causes[cause, danger]
                held.operations[operation] = danger
                held.vaults[vault.resource_id] = vault.name
    for (cause, danger), held in causes.items():
        yield _of_role(known.get(cause), danger, held, facts.identity)


def _dangers(grants: tuple[Grant, ...], *, rbac: bool) -> dict[str, Danger]:
    """Return the dangers and, where roles decide about data, what nobody has heard of."""
    odd = unfamiliar(grants) if rbac else ()
    return dangers(grants, rbac=rbac) | dict.fromkeys(odd, Danger.UNFAMILIAR)


def _of_role(
    assignment: Assignment | None, danger: Danger, held: _Held, identity: Identity | None
) -> Row:
    names = list(held.vaults.values())
    where = f"in {names[0]}" if len(names) == 1 else f"in {len(names)} vaults"
    if assignment is None or identity is None:
        scope, who = next(iter(held.vaults)), "A role that could not be traced"
        line = remedy.find_assignments(scope, identity)
    else:
        scope, who = assignment.scope, f"The role {assignment.role_name} ({assignment.role_id})"
        line = remedy.unassign(assignment, identity)
    return Row(
        permission=", ".join(sorted(held.operations)),
        scope=scope,
        state=State.EXCESS,
        why=f"{who} {_WHY[danger]} {where}; discovery must not.",
        remedy=line,
        vault_name=held.vaults.get(scope.lower()),
        reads_values=danger.could_read,
    )


def excess_of_vault(found: VaultFacts, facts: Facts, wanted: Container[str]) -> Iterator[Row]:
    """Yield what a vault's access policies allow too much, and those that cannot be judged."""
    if found.vault.rbac:
        return
    if found.policies is None:
        yield _unknown(found, "Its access policies cannot be read.")
        return
    identity = facts.identity
    if identity is None:
        return
    for entry in _own(found, identity):
        yield from _of_policy(found, entry, identity, wanted)
    if others := _perhaps_own(found, identity):
        yield _unknown(
            found,
            f"{len(others)} of its access policies allow more and may be groups of this identity:"
            f" its token does not tell its groups. {facts.grouped.reason} The first is that of"
            f" {others[0].object_id}.",
        )


def _of_policy(
    found: VaultFacts, entry: PolicyEntry, identity: Identity, wanted: Container[str]
) -> Iterator[Row]:
    held = policy_dangers(entry.permissions)
    kinds = {word.split()[0] for word in held}
    for danger in dict.fromkeys(held.values()):
        words = sorted(word for word, one in held.items() if one is danger)
        yield Row(
            permission=", ".join(words),
            scope=found.vault.resource_id,
            state=State.EXCESS,
            why=f"An access policy {_WHY[danger]} in {found.vault.name}; discovery must not.",
            remedy=remedy.narrow(
                found.vault, kinds, entry.object_id, identity, _kept(kinds, wanted)
            ),
            vault_name=found.vault.name,
            reads_values=danger.could_read,
        )


def _kept(kinds: Iterable[str], wanted: Container[str]) -> list[str]:
    return [kind for kind in kinds if kind in wanted]


def _unknown(found: VaultFacts, why: str) -> Row:
    return Row(
        permission="access policies",
        scope=found.vault.resource_id,
        state=State.UNKNOWN,
        why=why,
        vault_name=found.vault.name,
    )
