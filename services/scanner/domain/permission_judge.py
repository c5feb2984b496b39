"""The permission doctor's decision: what is needed, held, missing, too much, or unknown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.scanner.domain import permission_remedy as remedy
from services.scanner.domain.permission_catalogue import (
    READ_ASSIGNMENTS,
    READ_GRAPH,
    READ_PERMISSIONS,
    READ_VAULTS,
    Needed,
)
from services.scanner.domain.permission_excess import excess_of_roles, excess_of_vault, reads
from services.scanner.domain.permission_facts import (
    Facts,
    Identity,
    Probe,
    SubscriptionFacts,
    VaultFacts,
)
from services.scanner.domain.permission_row import Row, State
from shared.events.permissions import Answer

GRAPH_SCOPE = "Microsoft Graph"
TENANT_SCOPE = "/"
_ANYWHERE = "Nothing can be seen, so nothing was tried."


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultVerdict:
    """Whether the identity could come to a value in one vault."""

    resource_id: str
    name: str
    could_read_values: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check came to; the rows worst first."""

    could_read_values: Answer
    rows: tuple[Row, ...]
    vaults: tuple[VaultVerdict, ...]

    def count(self, state: State) -> int:
        """Return how many rows are in a state."""
        return sum(row.state is state for row in self.rows)


def judge(needed: Needed, facts: Facts) -> Verdict:
    """Compare what is needed with what was found out."""
    vaults = tuple(
        VaultVerdict(
            resource_id=found.vault.resource_id,
            name=found.vault.name,
            could_read_values=reads(found, facts.identity),
        )
        for found in facts.vaults
    )
    rows = [
        *_of_identity(facts),
        *_of_subscriptions(facts),
        *(row for found in facts.vaults for row in _of_vault(needed, found, facts.identity)),
        *excess_of_roles(facts),
        *(row for found in facts.vaults for row in excess_of_vault(found, facts, needed.lists)),
        *_of_graph(needed, facts),
    ]
    return Verdict(
        could_read_values=_overall(facts, vaults),
        rows=tuple(sorted(rows, key=_rank)),
        vaults=vaults,
    )


def _rank(row: Row) -> tuple[bool, int]:
    return not row.reads_values, list(State).index(row.state)


def _overall(facts: Facts, vaults: Iterable[VaultVerdict]) -> Answer:
    """Yes where one vault says so; no only where everything that can be seen was looked at."""
    answers = {verdict.could_read_values for verdict in vaults}
    if Answer.YES in answers:
        return Answer.YES
    looked = (
        facts.identity
        and facts.subscriptions
        and all(found.vaults.answer is Answer.YES for found in facts.subscriptions)
    )
    return Answer.NO if looked and Answer.UNKNOWN not in answers else Answer.UNKNOWN


def _of_identity(facts: Facts) -> Iterator[Row]:
    if facts.identity is None:
        yield Row(
            permission="a token that says whose it is",
            scope=TENANT_SCOPE,
            state=State.UNKNOWN,
            why=facts.identified.reason,
        )


def _of_subscriptions(facts: Facts) -> Iterator[Row]:
    if not facts.subscriptions:
        unseen = facts.visible.answer is Answer.UNKNOWN
        yield Row(
            permission=READ_VAULTS,
            scope=remedy.SUBSCRIPTION,
            state=State.UNKNOWN if unseen else State.MISSING,
            why=facts.visible.reason or "No subscription can be seen.",
            remedy=None if unseen else _reader(remedy.SUBSCRIPTION, facts.identity),
        )
        yield _wanted(facts)
        return
    for found in facts.subscriptions:
        yield from _of_subscription(found, facts.identity)
    state = _state(facts.resource_graph)
    yield Row(
        permission=READ_GRAPH,
        scope=TENANT_SCOPE,
        state=state,
        why=facts.resource_graph.reason or "Azure Resource Graph answers.",
        remedy=_reader(remedy.SUBSCRIPTION, facts.identity) if state is State.MISSING else None,
    )


def _wanted(facts: Facts) -> Row:
    """Return the row for what would be needed next, and could not be tried."""
    return Row(
        permission=f"{remedy.KEY_VAULT_READER.name} ({remedy.KEY_VAULT_READER.id})",
        scope=remedy.SUBSCRIPTION,
        state=State.NEEDED,
        why=_ANYWHERE,
        remedy=remedy.assign(remedy.KEY_VAULT_READER, remedy.SUBSCRIPTION, facts.identity),
    )


def _of_subscription(found: SubscriptionFacts, identity: Identity | None) -> Iterator[Row]:
    scope, state = f"/subscriptions/{found.id}", _state(found.vaults)
    yield Row(
        permission=READ_VAULTS,
        scope=scope,
        state=state,
        why=found.vaults.reason or f"The vaults of {found.name} can be listed.",
        remedy=_reader(scope, identity) if state is State.MISSING else None,
    )
    if found.assigned.answer is not Answer.YES:
        denied = found.assigned.answer is Answer.NO
        yield Row(
            permission=READ_ASSIGNMENTS,
            scope=scope,
            state=State.UNKNOWN,
            why=f"Roles on single items cannot be told: {found.assigned.reason}",
            remedy=_reader(scope, identity) if denied else None,
        )


def _of_vault(needed: Needed, found: VaultFacts, identity: Identity | None) -> Iterator[Row]:
    """Yield one row for each state that the vault's lists are in."""
    for state in (State.HAVE, State.MISSING, State.UNKNOWN):
        kinds = [kind for kind, probe in found.lists.items() if _state(probe) is state]
        if kinds:
            yield _lists(needed, found, identity, state, kinds)
    if found.granted.answer is not Answer.YES:
        yield Row(
            permission=READ_PERMISSIONS,
            scope=found.vault.resource_id,
            state=State.UNKNOWN,
            why=f"What else it may do here cannot be told: {found.granted.reason}",
            remedy=_reader(found.vault.resource_id, identity)
            if found.granted.answer is Answer.NO
            else None,
            vault_name=found.vault.name,
        )


def _lists(
    needed: Needed, found: VaultFacts, identity: Identity | None, state: State, kinds: list[str]
) -> Row:
    vault = found.vault
    return Row(
        permission=", ".join(
            needed.lists[kind] if vault.rbac else f"{kind} list" for kind in kinds
        ),
        scope=vault.resource_id,
        state=state,
        why=_why(found, state, kinds),
        remedy=_let_list(found, kinds, identity) if state is State.MISSING else None,
        vault_name=vault.name,
    )


def _why(found: VaultFacts, state: State, kinds: list[str]) -> str:
    if state is State.UNKNOWN:
        return " ".join(dict.fromkeys(found.lists[kind].reason for kind in kinds))
    told = f"the {', '.join(kinds)} of {found.vault.name}"
    if state is State.HAVE:
        return f"It listed {told}."
    what = "role" if found.vault.rbac else "access policy"
    return f"No {what} lets it list {told}."


def _let_list(found: VaultFacts, kinds: list[str], identity: Identity | None) -> str:
    if found.vault.rbac:
        return remedy.assign(remedy.KEY_VAULT_READER, found.vault.resource_id, identity)
    return remedy.let_list(found.vault, kinds, identity)


def _of_graph(needed: Needed, facts: Facts) -> Iterator[Row]:
    state, identity = _state(facts.applications), facts.identity
    yield Row(
        permission=needed.graph,
        scope=GRAPH_SCOPE,
        state=state,
        why=facts.applications.reason or "The tenant's applications can be listed.",
        remedy=remedy.grant_application(identity, facts.graph) if state is State.MISSING else None,
    )
    if identity is None:
        return
    if identity.graph_roles is None:
        yield Row(
            permission="application permissions",
            scope=GRAPH_SCOPE,
            state=State.UNKNOWN,
            why="The token is a person's: it does not tell an application's permissions.",
        )
    for role in sorted((identity.graph_roles or frozenset()) - {needed.graph}):
        yield Row(
            permission=role,
            scope=GRAPH_SCOPE,
            state=State.EXCESS,
            why=f"Discovery needs {needed.graph} and nothing else of Microsoft Graph.",
            remedy=remedy.revoke_application(role, identity, facts.graph),
        )


def _reader(scope: str, identity: Identity | None) -> str:
    return remedy.assign(remedy.READER, scope, identity)


def _state(probe: Probe) -> State:
    return {
        Answer.YES: State.HAVE,
        Answer.NO: State.MISSING,
        Answer.UNKNOWN: State.UNKNOWN,
    }[probe.answer]
