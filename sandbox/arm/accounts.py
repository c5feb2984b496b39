"""Requests about resources with keys: reading them, listing their keys, renewing one.

One handler for every row of `KEYED_TYPES`. Who may not do something hears that first, whether or
not there is such a resource, as in Resource Manager.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from sandbox.arm import account_shapes, errors, subscriptions
from sandbox.arm.paging import page
from sandbox.estate.accounts import Account, Change, Key, KeyRing
from sandbox.estate.keyed import KEYED_TYPES, KeyedType
from sandbox.tokens import Caller
from sandbox.wire import Document, answer, body, new_id
from sandbox.world import World

_PATH: Final = re.compile(
    r"subscriptions/(?P<subscription>[^/]+)(?:/resourcegroups/(?P<group>[^/]+))?"
    r"/providers/(?P<type>[^/]+/[^/]+)(?:/(?P<name>[^/]+)(?P<rest>/.*)?)?",
    re.IGNORECASE,
)
_OPERATION: Final = re.compile(r"/operationsstatus/(?P<id>[^/]+)", re.IGNORECASE)
_RESULT: Final = re.compile(r"/[a-z]+/operationresults/(?P<id>[^/]+)", re.IGNORECASE)
_RULE: Final = re.compile(r"/authorizationrules(?:/(?P<rule>[^/]+)(?P<rest>/.*)?)?", re.IGNORECASE)
_WRITE_SECONDS: Final = 0.02


class Asked(NamedTuple):
    """What a path names; the verb is what follows the resource, or its rule, after a slash.

    Without a name it is every resource of the type. `rule` is None where the path names none, and
    empty where it names them all.
    """

    row: KeyedType
    subscription: str
    group: str
    name: str
    rule: str | None
    verb: str

    @property
    def below(self) -> str:
        """What stands between the resource's type and an action of its keys."""
        return "/authorizationRules" if self.row.of_rules else ""


class KeyedAccounts:
    """Answers for the estate's accounts. Remembers the changes that it accepted, by their id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._accepted: dict[str, Account] = {}

    def asked_for(self, path: str) -> Asked | None:
        """Return what a path without its leading slash names here; None: nothing of ours."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        type_name, rest = found["type"].lower(), found["rest"] or ""
        namespace, _, kind = type_name.partition("/")
        if kind == "locations":
            type_name = next((each for each in KEYED_TYPES if each.startswith(f"{namespace}/")), "")
        row = KEYED_TYPES.get(type_name)
        if row is None or "/providers/" in rest.lower():
            return None
        rule = _RULE.fullmatch(rest) if row.of_rules else None
        verb = (rule["rest"] or "" if rule else rest) or ""
        return Asked(
            row,
            found["subscription"],
            found["group"] or "",
            found["name"] or "",
            (rule["rule"] or "") if rule else None,
            verb,
        )

    async def answer(self, request: Request, caller: Caller, asked: Asked) -> Response:
        """Answer a request. Raises `RefusedError`."""
        version = request.query_params["api-version"]
        if version not in asked.row.versions:
            raise errors.no_version(version, asked.row)
        subscriptions.find(self._world, caller, asked.subscription)
        if operation := _OPERATION.fullmatch(asked.verb):
            return self._progress(operation["id"])
        if not asked.name:
            return self._list(request, caller, asked)
        if not asked.verb:
            return self._read(request, caller, asked)
        if result := _RESULT.fullmatch(asked.verb):
            return self._result(result["id"])
        return await self._act(request, caller, asked)

    # Reading ----------------------------------------------------------------------------------

    def _list(self, request: Request, caller: Caller, asked: Asked) -> Response:
        _ensure_get(request)
        scope = f"/subscriptions/{asked.subscription}"
        if asked.group:
            scope += f"/resourceGroups/{asked.group}"
        self._require(caller, f"{asked.row.type}/read", scope)
        found = [
            account_shapes.account(each, self._world.names)
            for each in self._world.estate.accounts.of(asked.subscription)
            if each.type == asked.row.type and asked.group.lower() in ("", _group(each))
        ]
        return page(self._world, request, found)

    def _read(self, request: Request, caller: Caller, asked: Asked) -> Response:
        _ensure_get(request)
        below = "/authorizationRules" if asked.rule is not None else ""
        self._require(caller, f"{asked.row.type}{below}/read", _scope(asked))
        found = self._account(asked)
        if asked.rule is None:
            return answer(account_shapes.account(found, self._world.names))
        if asked.rule:
            return answer(account_shapes.rule(found, self._ring(asked, found)))
        return answer(
            {"value": [account_shapes.rule(found, ring) for ring in found.rings.values()]}
        )

    # Keys -------------------------------------------------------------------------------------

    async def _act(self, request: Request, caller: Caller, asked: Asked) -> Response:
        verbs = {f"/{verb}".lower(): verb for verb in ("listKeys", asked.row.regenerate)}
        verb = verbs.get(asked.verb.lower())
        if verb is None or (asked.row.of_rules and not asked.rule):
            raise errors.error(404, "NotFound", "The requested path was not found.")
        if request.method != "POST":
            raise errors.no_method(request.method)
        self._require(caller, f"{asked.row.type}{asked.below}/{verb}/action", _scope(asked))
        found = self._account(asked)
        ring = self._ring(asked, found)
        if verb == "listKeys":
            return answer(account_shapes.keys(found, ring, self._world.names))
        return await self._regenerate(request, asked.row, found, ring)

    async def _regenerate(
        self, request: Request, row: KeyedType, found: Account, ring: KeyRing
    ) -> Response:
        document = await body(request) or {}
        slot = row.slots.get(str(document.get(row.field)))
        if slot is None:
            raise errors.error(400, *row.unknown)
        value = _wanted(row, document) or row.written(secrets.token_bytes(row.key_bytes))
        async with _alone(row, found):
            now = self._world.clock.time()
            if row.seconds:
                change = Change(
                    id=new_id(), ring=ring, slot=slot, value=value, due=now + row.seconds
                )
                return self._accept(request, found, change)
            ring.keys[slot] = Key(value, now)
        return answer(account_shapes.keys(found, ring, self._world.names))

    # Changes that go on after they were accepted (Azure Resource Manager, "Track asynchronous
    # operations") -----------------------------------------------------------------------------

    def _accept(self, request: Request, found: Account, change: Change) -> Response:
        found.change = change
        self._accepted[change.id] = found
        origin, query = self._world.names.arm, request.url.query
        namespace = found.type.partition("/")[0]
        place = found.location.replace(" ", "")
        headers = {
            "Azure-AsyncOperation": (
                f"{origin}/subscriptions/{found.subscription_id}/providers/{namespace}"
                f"/locations/{place}/operationsStatus/{change.id}?{query}"
            ),
            "Location": f"{origin}{request.url.path}/operationResults/{change.id}?{query}",
        }
        return answer({"status": "Enqueued"}, 202, headers=headers)

    def _progress(self, operation: str) -> Response:
        return answer({"status": "Dequeued" if self._is_going_on(operation) else "Succeeded"})

    def _result(self, operation: str) -> Response:
        if self._is_going_on(operation):
            return answer({"status": "Dequeued"}, 202)
        return answer({"status": "Succeeded"})

    def _is_going_on(self, operation: str) -> bool:
        found = self._accepted.get(operation)
        if found is None:
            raise errors.error(404, "NotFound", f"The operation '{operation}' was not found.")
        found.settle(self._world.clock.time())
        return found.change is not None and found.change.id == operation

    # Common -----------------------------------------------------------------------------------

    def _account(self, asked: Asked) -> Account:
        now = self._world.clock.time()
        found = self._world.estate.accounts.find(asked.row.type, asked.name, now)
        same = (asked.subscription.lower(), asked.group.lower())
        if found is None or (found.subscription_id.lower(), _group(found)) != same:
            raise errors.resource_not_found(f"{asked.row.type}/{asked.name}", asked.group)
        return found

    def _ring(self, asked: Asked, found: Account) -> KeyRing:
        ring = found.rings.get((asked.rule or "").lower())
        if ring is None:
            name = f"{found.type}/{found.name}/AuthorizationRules/{asked.rule}"
            raise errors.resource_not_found(name, asked.group)
        return ring

    def _require(self, caller: Caller, action: str, scope: str) -> None:
        if not self._world.access.allows(caller.object_id, action, scope):
            raise errors.unauthorized(caller, action, scope)


@asynccontextmanager
async def _alone(row: KeyedType, found: Account) -> AsyncIterator[None]:
    """Hold the account while it is changed; whoever else wants that meanwhile is refused."""
    if found.taken or found.change is not None:
        status, code, message = row.busy
        told = message.replace("{name}", found.name).replace("{id}", found.resource_id)
        raise errors.error(status, code, told)
    found.taken = True
    try:
        await asyncio.sleep(_WRITE_SECONDS)
        yield
    finally:
        found.taken = False


def _wanted(row: KeyedType, document: Document) -> str | None:
    """Return the key that the caller brings along: authorization rules take one."""
    value = document.get("key")
    return value if row.of_rules and isinstance(value, str) and value else None


def _scope(asked: Asked) -> str:
    resource = f"/providers/{asked.row.type}/{asked.name}"
    rule = f"/authorizationRules/{asked.rule}" if asked.rule else ""
    return f"/subscriptions/{asked.subscription}/resourceGroups/{asked.group}{resource}{rule}"


def _group(found: Account) -> str:
    return found.resource_group.lower()


def _ensure_get(request: Request) -> None:
    if request.method != "GET":
        raise errors.no_method(request.method)
