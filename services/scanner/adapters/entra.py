"""The tenant's applications and service principals with all they hold, by Microsoft Graph.

Graph lists a password's first characters as `hint`. It ends here: nothing that leaves this module
has a place for it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from services.scanner.adapters.credentials import credentials
from services.scanner.domain.directory import (
    MANAGED_IDENTITY,
    ApplicationKind,
    DirectoryObject,
    FederatedCredential,
    Owner,
    link,
)
from services.scanner.domain.inventory import Item
from services.scanner.domain.listing import Page
from shared.clouds import CloudClient, pages, wire
from shared.clouds.client import get, unexpected
from shared.clouds.errors import NotFoundError
from shared.clouds.paging import rows

_PAGE: Final = "999"  # the most that Graph gives for directory objects
# An expansion shows so many members and does not say that there are more ("Use query parameters").
_EXPANDED: Final = 20
_LINK: Final = "@odata.nextLink"
_COMMON: Final = (
    "id,appId,displayName,createdDateTime,signInAudience,tags,notes,"
    "passwordCredentials,keyCredentials"
)
_OWNER: Final = "id,displayName,userPrincipalName"
_OWNERS: Final = "owners"
_SIGNING: Final = "preferredTokenSigningKeyThumbprint"
_FEDERATED: Final = "federatedIdentityCredentials"

M = TypeVar("M", Owner, FederatedCredential)
GraphPace = Callable[[int, bool], Awaitable[None]]


async def unhurried(units: int, keys: bool) -> None:  # noqa: FBT001 - a positional callback
    """Wait for nothing; a budget for the tenant takes this one's place."""
    del units, keys


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collection:
    """One of the two collections. `only` narrows who can have federated credentials at all."""

    name: str
    kind: ApplicationKind
    fields: str
    what: str
    only: str | None = None


_COLLECTIONS: Final = (
    _Collection(
        name="applications",
        kind=ApplicationKind.APPLICATION,
        fields=f"{_COMMON},publisherDomain,serviceManagementReference",
        what="the applications' credentials",
    ),
    _Collection(
        name="servicePrincipals",
        kind=ApplicationKind.SERVICE_PRINCIPAL,
        fields=f"{_COMMON},accountEnabled,appOwnerOrganizationId,servicePrincipalType," + _SIGNING,
        what="the service principals' credentials",
        # The one type that has them (resource servicePrincipal).
        only=f"servicePrincipalType eq '{MANAGED_IDENTITY}'",
    ),
)


@dataclass(slots=True)
class _Members:
    """Members of one relation by object, for those that have any; `seen` are all objects."""

    seen: set[str] = field(default_factory=set)
    found: dict[str, list[wire.Row]] = field(default_factory=dict)

    def of(self, object_id: str) -> list[wire.Row] | None:
        """Return an object's members; None for one that was not there when they were listed."""
        return self.found.get(object_id, []) if object_id in self.seen else None


class EntraDirectory:
    """Implements `ports.Directory`. `graph` is Graph's endpoint, without a slash at its end.

    Graph expands one relation in a request, so each collection is passed through three times:
    owners, federated credentials, and then the objects, which are given out joined with both. What
    was made after the first passes has unknown owners until the next look. `pace` is awaited before
    each page with its cost in resource units, and whether it asks for keys.
    """

    def __init__(self, client: CloudClient, graph: str, *, pace: GraphPace = unhurried) -> None:
        self._client = client
        self._graph = graph
        self._pace = pace

    async def listing(self) -> AsyncIterator[Page]:
        for collection in _COLLECTIONS:
            owners, federated = _Members(), _Members()
            select = f"($select={_OWNER})"
            async for _ in self._expand(collection, owners, _OWNERS, select, None):
                yield Page()
            async for _ in self._expand(collection, federated, _FEDERATED, "", collection.only):
                yield Page()
            async for page in self._objects(collection, owners, federated):
                yield page

    async def _objects(
        self, collection: _Collection, owners: _Members, federated: _Members
    ) -> AsyncIterator[Page]:
        query = {"$select": collection.fields, "$top": _PAGE}
        async for page in self._pages(collection.name, collection.what, query, units=1, keys=True):
            yield _joined(page, collection, owners, federated)

    async def _expand(
        self,
        collection: _Collection,
        members: _Members,
        relation: str,
        select: str,
        only: str | None,
    ) -> AsyncIterator[None]:
        """Gather one relation of all objects, and yield after each page."""
        what = f"the {collection.name}' {relation}"
        query = {"$select": "id", "$expand": relation + select, "$top": _PAGE}
        if only:
            query["$filter"] = only
        async for page in self._pages(collection.name, what, query, units=2):
            for row in page:
                await self._gather(collection, members, relation, row, what)
            yield

    async def _gather(
        self,
        collection: _Collection,
        members: _Members,
        relation: str,
        row: wire.Row,
        what: str,
    ) -> None:
        object_id = wire.text(row, "id", what)
        found = rows(row, relation, what)
        if len(found) >= _EXPANDED:
            path = f"{collection.name}/{object_id}/{relation}"
            query = {"$top": _PAGE}
            if relation == _OWNERS:
                query["$select"] = _OWNER
            try:
                found = [
                    one async for page in self._pages(path, what, query, units=1) for one in page
                ]
            except NotFoundError:
                return  # deleted since: it will not be among the objects, or unknown if it is
        members.seen.add(object_id)
        if found:
            members.found[object_id] = found

    def _pages(
        self, path: str, what: str, query: dict[str, str], *, units: int, keys: bool = False
    ) -> AsyncIterator[list[wire.Row]]:
        first = get(f"{self._graph}/v1.0/{path}", **query)
        return pages(self._client, first, what, link=_LINK, turn=partial(self._pace, units, keys))


def _joined(
    page: list[wire.Row], collection: _Collection, owners: _Members, federated: _Members
) -> Page:
    items: list[Item] = []
    objects: list[DirectoryObject] = []
    for row in page:
        one = _object(row, collection, owners, federated)
        objects.append(one)
        azure = one.principal_type == MANAGED_IDENTITY
        items.extend(link(credentials(row, one, collection.what), renewed_by_azure=azure))
    return Page.of(items, objects)


def _object(
    row: wire.Row, collection: _Collection, owners: _Members, federated: _Members
) -> DirectoryObject:
    what = collection.what
    object_id = wire.text(row, "id", what)
    principal_type = wire.optional(row, "servicePrincipalType", str, what)
    may_federate = collection.only is None or principal_type == MANAGED_IDENTITY
    who, whence = owners.of(object_id), federated.of(object_id) if may_federate else []
    return DirectoryObject(
        kind=collection.kind,
        object_id=object_id,
        app_id=wire.text(row, "appId", what),
        display_name=wire.text_or_empty(row, "displayName", what),
        created_on=wire.iso_instant(row, "createdDateTime", what),
        audience=wire.optional(row, "signInAudience", str, what),
        publisher_domain=wire.optional(row, "publisherDomain", str, what),
        owner_tenant_id=wire.optional(row, "appOwnerOrganizationId", str, what),
        enabled=wire.optional(row, "accountEnabled", bool, what),
        principal_type=principal_type,
        tags=_texts(row, "tags", what),
        notes=wire.optional(row, "notes", str, what),
        service_reference=wire.optional(row, "serviceManagementReference", str, what),
        # Not always a thumbprint: "unused" where none was chosen.
        signing_thumbprint=wire.text_or_empty(row, _SIGNING, what).lower() or None,
        owners=None if who is None else _unique(_owner(one, what) for one in who),
        federated=None if whence is None else _unique(_federation(one, what) for one in whence),
    )


def _owner(row: wire.Row, what: str) -> Owner:
    kind = wire.text_or_empty(row, "@odata.type", what)
    return Owner(
        id=wire.text(row, "id", what),
        kind=kind.rpartition(".")[2] or "directoryObject",
        display_name=wire.optional(row, "displayName", str, what),
        user_principal_name=wire.optional(row, "userPrincipalName", str, what),
    )


def _federation(row: wire.Row, what: str) -> FederatedCredential:
    return FederatedCredential(
        id=wire.text(row, "id", what),
        name=wire.text_or_empty(row, "name", what),
        issuer=wire.optional(row, "issuer", str, what),
        subject=wire.optional(row, "subject", str, what),
        audiences=_texts(row, "audiences", what),
        description=wire.optional(row, "description", str, what),
    )


def _unique(found: Iterable[M]) -> tuple[M, ...]:
    """Put members into one order, each once: Graph promises neither."""
    by_id = {one.id: one for one in found}
    return tuple(by_id[member_id] for member_id in sorted(by_id))


def _texts(row: wire.Row, name: str, what: str) -> tuple[str, ...]:
    """Return a set of texts in one order."""
    found = wire.optional(row, name, list, what) or []
    if not all(isinstance(text, str) for text in found):
        raise unexpected(what, f"`{name}` is not a list of texts")
    return tuple(sorted({wire.storable(text) for text in found}))
