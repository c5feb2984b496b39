"""Who may do what, from Resource Graph, and from the management API where that does not tell.

Resource Graph leaves out silently what the identity may not read. So a subscription counts as
listed there only if an assignment at the subscription or above it was shown, as every subscription
has one; of others the management API says whether there is none or no permission.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from services.scanner.adapters.each import Pace, ask_each, unhurried
from services.scanner.adapters.graph_queries import GraphQueries
from services.scanner.adapters.management import NOT_WORKED_AROUND
from services.scanner.adapters.roles import role_assignment, role_definition
from services.scanner.domain.grants import RoleAssignment, RoleDefinition, is_at_or_above
from services.scanner.ports import GrantListing
from shared.clouds import CloudClient, pages, wire
from shared.clouds.client import get
from shared.clouds.errors import CloudError
from shared.clouds.paging import rows
from shared.telemetry import get_logger

logger = get_logger(__name__)

_API: Final = "2022-04-01"
_ASSIGNMENTS: Final = """\
AuthorizationResources
| where type =~ 'microsoft.authorization/roleassignments'
| project id, properties
| order by id asc"""
_DEFINITIONS: Final = """\
AuthorizationResources
| where type =~ 'microsoft.authorization/roledefinitions'
| project id, properties
| order by id asc"""
_GROUPS: Final = """\
ResourceContainers
| where type =~ 'microsoft.resources/subscriptions'
| project id, subscriptionId, properties
| order by id asc"""
_WHAT: Final = "the role assignments in Resource Graph"


class ResourceGraphGrants:
    """Lists grants with three queries for a thousand subscriptions."""

    def __init__(self, queries: GraphQueries) -> None:
        self._queries = queries

    async def grants(self, subscription_ids: Sequence[str]) -> GrantListing:
        """Return the grants of those subscriptions of which Resource Graph tells them all."""
        groups = await self._groups(subscription_ids)
        shown = [
            role_assignment(row, _WHAT) for row in await self._rows(_ASSIGNMENTS, subscription_ids)
        ]
        roles = [
            role_definition(row, _WHAT) for row in await self._rows(_DEFINITIONS, subscription_ids)
        ]
        by_subscription = {
            subscription_id: found
            for subscription_id, above in groups.items()
            if (found := _all_of(shown, subscription_id, above)) is not None
        }
        return GrantListing(roles=tuple(roles), assignments=by_subscription)

    async def _groups(self, subscription_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the names of the management groups above each subscription that tells them."""
        found = {}
        for row in await self._rows(_GROUPS, subscription_ids):
            properties = wire.part(row, "properties", _WHAT)
            if properties.get("managementGroupAncestorsChain") is not None:
                chain = rows(properties, "managementGroupAncestorsChain", _WHAT)
                subscription_id = wire.text(row, "subscriptionId", _WHAT).lower()
                found[subscription_id] = [wire.text(group, "name", _WHAT) for group in chain]
        return found

    async def _rows(self, query: str, subscription_ids: Sequence[str]) -> list[wire.Row]:
        scopes = {"authorizationScopeFilter": "AtScopeAboveAndBelow"}
        listed = self._queries.rows(query, subscription_ids, _WHAT, **scopes)
        return [row async for page in listed for row in page]


class ManagementGrants:
    """Lists grants subscription by subscription, inherited ones included.

    `pace` is awaited with the subscription's id before each page.
    """

    def __init__(self, client: CloudClient, arm: str, *, pace: Pace = unhurried) -> None:
        self._client = client
        self._arm = arm
        self._pace = pace

    async def grants(
        self, subscription_ids: Sequence[str], known: Sequence[RoleDefinition] = ()
    ) -> GrantListing:
        """Return the grants; roles that are `known` already are not asked for again."""
        asked = await ask_each(subscription_ids, self._assignments)
        roles = _Roles({role.id: role for role in known})
        for subscription_id in list(asked.found):
            if not roles.knows(asked.found[subscription_id]):
                try:
                    roles.add(await self._list(subscription_id, "roleDefinitions"))
                except NOT_WORKED_AROUND:
                    raise
                except CloudError as error:
                    asked.failures[subscription_id] = error
                    del asked.found[subscription_id]
        return GrantListing(
            roles=tuple(roles.by_id.values()), assignments=asked.found, failures=asked.failures
        )

    async def _assignments(self, subscription_id: str) -> tuple[RoleAssignment, ...]:
        listed = await self._list(subscription_id, "roleAssignments")
        return _in_order([role_assignment(row, _WHAT) for row in listed])

    async def _list(self, subscription_id: str, collection: str) -> list[wire.Row]:
        what = f"the {collection} of subscription {subscription_id}"
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/{collection}"
        first = get(self._arm + path, **{"api-version": _API})
        turn = partial(self._pace, subscription_id)
        return [row async for page in pages(self._client, first, what, turn=turn) for row in page]


class FallbackGrants:
    """Implements `ports.Grants`: Resource Graph, and the management API for the rest."""

    def __init__(self, first: ResourceGraphGrants, second: ManagementGrants) -> None:
        self._first = first
        self._second = second

    async def grants(self, subscription_ids: Sequence[str]) -> GrantListing:
        try:
            listed = await self._first.grants(subscription_ids)
        except NOT_WORKED_AROUND:
            raise
        except CloudError as error:
            logger.warning("grants.fallback", reason=str(error))
            listed = GrantListing()
        rest = [one for one in subscription_ids if one.lower() not in listed.assignments]
        asked = await self._second.grants(rest, listed.roles)
        return GrantListing(
            roles=asked.roles,
            assignments={**listed.assignments, **asked.assignments},
            failures=asked.failures,
        )


@dataclass(slots=True)
class _Roles:
    """The role definitions so far."""

    by_id: dict[str, RoleDefinition] = field(default_factory=dict)

    def knows(self, assignments: Sequence[RoleAssignment]) -> bool:
        return all(assignment.role_id in self.by_id for assignment in assignments)

    def add(self, listed: Sequence[wire.Row]) -> None:
        roles = (role_definition(row, _WHAT) for row in listed)
        self.by_id.update((role.id, role) for role in roles)


def _all_of(
    shown: Sequence[RoleAssignment], subscription_id: str, groups: Sequence[str]
) -> tuple[RoleAssignment, ...] | None:
    """Return a subscription's assignments; None where they may not be all."""
    own = f"/subscriptions/{subscription_id}"
    above = [one for one in shown if is_at_or_above(one.scope, subscription_id, groups)]
    below = [one for one in shown if one.scope.startswith(f"{own}/")]
    return _in_order([*above, *below]) if above else None


def _in_order(assignments: Sequence[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    """Return each assignment once: one listed twice, as while somebody writes, counts once."""
    by_id: Mapping[str, RoleAssignment] = {one.id: one for one in assignments}
    return tuple(by_id[name] for name in sorted(by_id))
