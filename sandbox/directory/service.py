"""Taking a request to Microsoft Graph: who asks, with which permission, for which collection.

Microsoft Graph REST API v1.0: "List applications", "List servicePrincipals", "Paging", "Error
responses", "Microsoft Graph throttling guidance". Writes are handed on.
"""

import math
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sandbox.directory import memberships, policies, shapes
from sandbox.directory.errors import refuse
from sandbox.directory.query import Collection, Query, select
from sandbox.directory.writing import Writer
from sandbox.estate.directory import Application, DirectoryObject, ServicePrincipal
from sandbox.tokens import Caller, TokenRefusedError
from sandbox.wire import Document, RefusedError, answer, new_id
from sandbox.world import World

MEDIA_TYPE: Final = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;"
    "charset=utf-8"
)
_MAY_READ: Final = {
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Application.ReadWrite.OwnedBy",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
}
# "List a servicePrincipal's transitive memberOf" does not name this one.
_MAY_NOT_READ_GROUPS: Final = {"Application.ReadWrite.OwnedBy"}
_MAY_READ_POLICIES: Final = {
    "Policy.Read.All",
    "Policy.Read.ApplicationConfiguration",
    "Policy.ReadWrite.ApplicationConfiguration",
}
_BY_APP_ID: Final = re.compile(
    r"(applications|servicePrincipals)\(appId='([^']+)'\)", re.IGNORECASE
)
_RELATIONS: Final = ("owners", "federatedIdentityCredentials")


class Graph:
    """Answers for the estate's directory."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._refuse = partial(refuse, world.clock)
        self._writer = Writer(world, self._refuse, MEDIA_TYPE)

    async def answer(self, request: Request) -> Response:
        try:
            response = await self._answer(request)
        except RefusedError as refused:
            response = answer(
                refused.document, refused.status, headers=refused.headers, media_type=MEDIA_TYPE
            )
        request_id = request.headers.get("client-request-id") or new_id()
        response.headers["request-id"] = new_id()
        response.headers["client-request-id"] = request_id
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    async def _answer(self, request: Request) -> Response:
        caller = self._caller(request)
        version, *parts = request.url.path.strip("/").split("/")
        if version != "v1.0" or not parts:
            raise self._refuse(400, "BadRequest", f"Invalid version: {version}")
        self._count(caller, request)
        if request.method != "GET":
            parts = self._by_object_id(parts)
            return await self._writer.answer(caller, request, parts, self._application)
        return self._read(caller, request, parts)

    def _read(self, caller: Caller, request: Request, parts: list[str]) -> Response:
        if parts == ["organization"]:
            documents = [shapes.organization(self._world.estate)]
            return self._list(request, self._collection("organization", parts, documents))
        if parts == ["policies", "defaultAppManagementPolicy"]:
            self._require(caller, _MAY_READ_POLICIES)
            context = f"{self._world.names.graph}/v1.0/$metadata#policies/{parts[1]}/$entity"
            document = policies.tenants(self._world.estate.credential_rules.policy)
            return answer({"@odata.context": context} | document, media_type=MEDIA_TYPE)
        self._require(caller, _MAY_READ)
        parts = self._by_object_id(parts)
        if parts[-1] == "appManagementPolicies":
            self._require(caller, _MAY_READ_POLICIES)
        if memberships.are(parts[2:]):
            self._require(caller, _MAY_READ - _MAY_NOT_READ_GROUPS)
        return self._objects(request, parts)

    def _require(self, caller: Caller, roles: AbstractSet[str]) -> None:
        """Refuse a caller that has none of these roles."""
        if not roles & set(caller.roles):
            message = "Insufficient privileges to complete the operation."
            raise self._refuse(403, "Authorization_RequestDenied", message)

    def _caller(self, request: Request) -> Caller:
        world = self._world
        authorization = request.headers.get("authorization", "")
        try:
            return world.tokens.check(authorization, world.names.audiences("graph"))
        except TokenRefusedError as refused:
            messages = {
                "missing": "Access token is empty.",
                "invalid": "CompactToken parsing failed with error code: 80049217",
                "expired": "Lifetime validation failed, the token is expired.",
                "revoked": "Continuous access evaluation resulted in challenge.",
                "audience": "Access token validation failure. Invalid audience.",
            }
            error = self._refuse(401, "InvalidAuthenticationToken", messages[refused.reason])
            authority = f"{world.names.login}/common/oauth2/authorize"
            error.headers["WWW-Authenticate"] = (
                f'Bearer realm="", authorization_uri="{authority}",'
                ' client_id="00000003-0000-0000-c000-000000000000"'
            )
            raise error from None

    def _count(self, caller: Caller, request: Request) -> None:
        """Take the request's units out of the caller's quota."""
        path, query = request.url.path, request.query_params
        seconds = self._world.graph_quota.take(caller.object_id, path, query)
        if seconds:
            message = "Too many requests. Please retry after the time in the Retry-After header."
            error = self._refuse(429, "TooManyRequests", message)
            error.headers["Retry-After"] = str(math.ceil(seconds))
            error.headers["x-ms-throttle-scope"] = "Tenant_Application/ReadWrite"
            error.headers["x-ms-throttle-information"] = "ResourceUnitLimitExceeded"
            raise error

    def _by_object_id(self, parts: list[str]) -> list[str]:
        """Return a path that names an object by its application id with its own id instead."""
        found = _BY_APP_ID.fullmatch(parts[0])
        if found is None:
            return parts
        return [found[1], self._find(found[1], found[2], by="app_id").object_id, *parts[1:]]

    def _objects(self, request: Request, parts: Sequence[str]) -> Response:
        match list(parts):
            case ["applications" | "servicePrincipals" as name]:
                return self._list(request, self._all(name, parts))
            case ["applications" | "servicePrincipals" as name, "$count"]:
                number = self._query(request).count(self._all(name, parts))
                return PlainTextResponse(str(number))
            case ["applications" | "servicePrincipals" as name, object_id]:
                return self._one(request, name, self._find(name, object_id))
            case ["applications" | "servicePrincipals" as name, object_id, relation] if (
                relation in _RELATIONS
            ):
                related = self._related(relation, self._find(name, object_id))
                return self._list(request, self._collection(relation, parts, related))
            case ["applications" as name, object_id, "appManagementPolicies" as relation]:
                policy = self._application(object_id).policy
                assigned = [] if policy is None else [policies.applications(policy)]
                return self._list(request, self._collection(relation, parts, assigned))
            case ["servicePrincipals" as name, object_id, *relation] if memberships.are(relation):
                memberships.require_advanced(self._query(request))
                groups = memberships.groups(self._world.estate, self._find(name, object_id))
                return self._list(request, self._collection("groups", parts, groups))
            case _:
                message = f"Resource not found for the segment '{parts[-1]}'."
                raise self._refuse(400, "BadRequest", message)

    def _all(self, name: str, parts: Sequence[str]) -> Collection:
        return self._collection(name, parts, [self._shape(each) for each in self._held(name)])

    def _held(self, name: str) -> Sequence[Application | ServicePrincipal]:
        estate = self._world.estate
        return estate.applications if name == "applications" else estate.service_principals

    def _collection(
        self, name: str, parts: Sequence[str], documents: Sequence[Document]
    ) -> Collection:
        graph = self._world.names.graph
        by_id = {each.object_id: each for each in self._held(name)} if len(parts) == 1 else {}
        return Collection(
            name=f"{graph}/v1.0/$metadata#{'directoryObjects' if name == 'owners' else name}",
            address=f"{graph}/v1.0/{'/'.join(parts)}",
            documents=documents,
            relations={
                each: lambda row, each=each: self._related(each, by_id[row["id"]])  # type: ignore[misc] # the default binds the name
                for each in (_RELATIONS if by_id else ())
            },
        )

    def _related(self, relation: str, found: DirectoryObject) -> list[Document]:
        if relation == "owners":
            return shapes.owners(self._world.estate, found)
        return [shapes.federated(each) for each in found.federated]

    def _query(self, request: Request) -> Query:
        advanced = request.headers.get("consistencylevel", "").lower() == "eventual"
        return Query(request.query_params, advanced, self._refuse)

    def _list(self, request: Request, collection: Collection) -> Response:
        return answer(self._query(request).page(collection), media_type=MEDIA_TYPE)

    def _one(self, request: Request, name: str, found: Application | ServicePrincipal) -> Response:
        chosen = request.query_params.get("$select")
        document = select(self._shape(found, whole="keyCredentials" in (chosen or "")), chosen)
        context = f"{self._world.names.graph}/v1.0/$metadata#{name}/$entity"
        return answer({"@odata.context": context} | document, media_type=MEDIA_TYPE)

    def _application(self, object_id: str) -> Application:
        found = self._find("applications", object_id)
        assert isinstance(found, Application)  # noqa: S101 - the collection holds nothing else
        return found

    def _find(
        self, name: str, wanted: str, *, by: str = "object_id"
    ) -> Application | ServicePrincipal:
        for each in self._held(name):
            if getattr(each, by) == wanted.lower():
                return each
        message = (
            f"Resource '{wanted}' does not exist or one of its queried reference-property objects"
            " are not present."
        )
        raise self._refuse(404, "Request_ResourceNotFound", message)

    def _shape(self, found: Application | ServicePrincipal, *, whole: bool = False) -> Document:
        """Return an object as a read shows it by now; `whole` with its certificates themselves."""
        if isinstance(found, Application):
            document = shapes.application(found)
        else:
            document = shapes.service_principal(found)
        if whole or self._world.replication.hides(found):
            document |= shapes.credentials(*self._world.replication.read(found), whole=whole)
        return document
