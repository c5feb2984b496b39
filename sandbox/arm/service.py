"""Taking a request to Resource Manager: who asks, and for which scope."""

import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.arm import (
    account_shapes,
    errors,
    insights,
    permissions,
    roles,
    shapes,
    subscriptions,
)
from sandbox.arm.accounts import KeyedAccounts
from sandbox.arm.graph import ResourceGraph
from sandbox.arm.paging import page
from sandbox.estate.model import Vault
from sandbox.throttle import Window
from sandbox.tokens import Caller, TokenRefusedError
from sandbox.wire import RefusedError, answer, new_id
from sandbox.world import World

_VERSION: Final = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
_SUBSCRIPTION: Final = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_VAULTS: Final = "providers/microsoft.keyvault/vaults"
_DIAGNOSTICS: Final = "providers/microsoft.insights/diagnosticsettings"
_READ_VAULTS: Final = "Microsoft.KeyVault/vaults/read"
_TYPE_FILTER: Final = re.compile(r"resourceType eq '([^']+)'", re.IGNORECASE)


class ResourceManager:
    """Answers for the estate's subscriptions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._graph = ResourceGraph(world)
        self._accounts = KeyedAccounts(world)

    async def answer(self, request: Request) -> Response:
        try:
            caller = self._caller(request)
            response = await self._answer(request, caller)
            kind, window = self._window(request)
            left = window.left(_payer(request, caller))
            response.headers[f"x-ms-ratelimit-remaining-subscription-{kind}s"] = str(left)
        except RefusedError as refused:
            response = answer(refused.document, refused.status, headers=refused.headers)
        response.headers.update(_headers(request))
        return response

    def _caller(self, request: Request) -> Caller:
        world = self._world
        authorization = request.headers.get("authorization", "")
        try:
            caller = world.tokens.check(authorization, world.names.audiences("arm"))
        except TokenRefusedError as refused:
            raise errors.unauthenticated(world, refused) from None
        version = request.query_params.get("api-version")
        if version is None:
            raise errors.error(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if not _VERSION.fullmatch(version):
            raise errors.error(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{version}' is invalid. It is a date, as in 2022-12-01.",
            )
        return caller

    async def _answer(self, request: Request, caller: Caller) -> Response:
        path = request.url.path.strip("/")
        parts = path.lower().split("/")
        if path.lower() == "providers/microsoft.resourcegraph/resources":
            return await self._graph.answer(request, caller)
        asked = self._accounts.asked_for(path)
        if request.method != "GET" and asked is None:
            raise errors.no_method(request.method)
        if not self._window(request)[1].take(_payer(request, caller)):
            raise self._throttled(request, caller)
        if asked is not None:
            return await self._accounts.answer(request, caller, asked)
        if permissions.is_asked_for(parts):
            return page(self._world, request, permissions.of_caller(self._world, request, caller))
        if roles.is_asked_for(parts):
            return roles.answer_roles(self._world, request, caller)
        return self._read(request, caller, path.split("/"))

    def _window(self, request: Request) -> tuple[str, Window]:
        """Return what a request counts as, and where."""
        quotas = self._world.quotas
        return (
            ("read", quotas.arm_reads) if request.method == "GET" else ("write", quotas.arm_writes)
        )

    def _throttled(self, request: Request, caller: Caller) -> RefusedError:
        kind, window = self._window(request)
        refused = errors.error(
            429,
            "SubscriptionRequestsThrottled",
            f"Number of '{kind}' requests for the principal '{caller.object_id}' exceeded the"
            " limit.",
        )
        wait = window.seconds_until_free(_payer(request, caller))
        refused.headers["Retry-After"] = str(int(wait) + 1)
        return refused

    def _read(self, request: Request, caller: Caller, parts: Sequence[str]) -> Response:
        low = [part.lower() for part in parts]
        match low:
            case ["tenants"]:
                return answer({"value": [shapes.tenant(self._world.estate)]})
            case ["subscriptions"]:
                return self._subscriptions(request, caller)
            case ["subscriptions", _]:
                found = subscriptions.find(self._world, caller, parts[1])
                return answer(shapes.subscription(self._world.estate, found))
            case _:
                return self._read_resources(request, caller, parts, low)

    def _read_resources(
        self, request: Request, caller: Caller, parts: Sequence[str], low: Sequence[str]
    ) -> Response:
        match low:
            case ["subscriptions", _, "resources"]:
                return self._resources(request, caller, parts[1])
            case ["subscriptions", _, "providers", "microsoft.keyvault", "vaults"]:
                return self._vaults(request, caller, parts[1], "")
            case ["subscriptions", _, "resourcegroups", _, *rest] if "/".join(rest) == _VAULTS:
                return self._vaults(request, caller, parts[1], low[3])
            case ["subscriptions", _, "resourcegroups", _, *rest] if "/".join(rest[:-1]) == _VAULTS:
                return self._vault(caller, parts[1], parts[3], parts[-1])
            case ["subscriptions", _, "resourcegroups", _, "providers", _, "vaults", _, *rest] if (
                "/".join(rest) == _DIAGNOSTICS
            ):
                return self._diagnostics(caller, parts[1], parts[3], parts[7])
            case _:
                raise errors.error(404, "NotFound", "The requested path was not found.")

    def _subscriptions(self, request: Request, caller: Caller) -> Response:
        estate = self._world.estate
        seen = [s for s in estate.subscriptions if subscriptions.sees(self._world, caller, s.id)]
        return page(self._world, request, [shapes.subscription(estate, found) for found in seen])

    def _vaults(
        self, request: Request, caller: Caller, subscription_id: str, group: str
    ) -> Response:
        """List the vaults of a subscription, or of one of its resource groups."""
        world = self._world
        found = subscriptions.find(self._world, caller, subscription_id)
        scope = f"/subscriptions/{found.id}" + (f"/resourceGroups/{group}" if group else "")
        self._require(caller, scope)
        vaults = [v for v in world.estate.vaults_of(found.id) if not group or _in(v, group)]
        if group and not vaults:
            raise errors.group_not_found(group)
        documents = [shapes.vault(world.estate, world.names, vault) for vault in vaults]
        return page(self._world, request, documents)

    def _resources(self, request: Request, caller: Caller, subscription_id: str) -> Response:
        """List the subscription's resources, of one type where the filter names it."""
        found = subscriptions.find(self._world, caller, subscription_id)
        self._require(caller, f"/subscriptions/{found.id}")
        estate = self._world.estate
        listed = [shapes.resource(vault) for vault in estate.vaults_of(found.id)]
        listed += [
            account_shapes.resource(account)
            for account in estate.accounts.of(found.id)
            if self._world.access.allows(
                caller.object_id, f"{account.type}/read", account.resource_id
            )
        ]
        wanted = _TYPE_FILTER.fullmatch(request.query_params.get("$filter", ""))
        if wanted is not None:
            listed = [each for each in listed if each["type"].lower() == wanted[1].lower()]
        return page(self._world, request, listed)

    def _vault(self, caller: Caller, subscription_id: str, group: str, name: str) -> Response:
        world = self._world
        vault = self._found(caller, subscription_id, group, name)
        self._require(caller, vault.resource_id)
        return answer(shapes.vault(world.estate, world.names, vault))

    def _diagnostics(self, caller: Caller, subscription_id: str, group: str, name: str) -> Response:
        """List a vault's diagnostic settings; the list has no pages."""
        vault = self._found(caller, subscription_id, group, name)
        self._require(caller, vault.resource_id, insights.READ)
        return answer({"value": insights.diagnostic_settings(vault)})

    def _found(self, caller: Caller, subscription_id: str, group: str, name: str) -> Vault:
        found = subscriptions.find(self._world, caller, subscription_id)
        vault = self._world.estate.vaults.get(name.lower())
        if vault is None or vault.subscription_id != found.id or not _in(vault, group):
            raise errors.vault_not_found(name, group)
        return vault

    def _require(self, caller: Caller, scope: str, action: str = _READ_VAULTS) -> None:
        if not self._world.access.allows(caller.object_id, action, scope):
            raise errors.unauthorized(caller, action, scope)


def _in(vault: Vault, group: str) -> bool:
    return vault.resource_group.lower() == group.lower()


def _payer(request: Request, caller: Caller) -> str:
    """Return whose quota a read counts on: the caller's in the subscription, or in the tenant."""
    found = _SUBSCRIPTION.match(request.url.path)
    return f"{caller.object_id}/{found[1].lower() if found else ''}"


def _headers(request: Request) -> dict[str, str]:
    request_id = new_id()
    found = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request_id,
        "x-ms-routing-request-id": f"WESTEUROPE:{request_id}",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
    if client := request.headers.get("x-ms-client-request-id"):
        found["x-ms-client-request-id"] = client
    return found
