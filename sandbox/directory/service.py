"""Taking a request to Microsoft Graph: who asks, with which permission, for which page.

Microsoft Graph REST API v1.0: "List applications", "Paging", "Error responses".
"""

import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from sandbox.directory import memberships, shapes
from sandbox.estate.model import Application
from sandbox.tokens import Caller, TokenRefusedError
from sandbox.wire import Document, RefusedError, answer, new_id, seal, unseal, whole_number
from sandbox.world import World

PAGE: Final = 100
LARGEST_PAGE: Final = 999
MEDIA_TYPE: Final = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;"
    "charset=utf-8"
)
_MAY_READ: Final = {
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
}
_EQUALS: Final = re.compile(r"(\w+)\s+eq\s+'((?:[^']|'')*)'")
_STARTS: Final = re.compile(r"startswith\((\w+),\s*'((?:[^']|'')*)'\)", re.IGNORECASE)
_BY_APP_ID: Final = re.compile(r"(applications)\(appId='([^']+)'\)", re.IGNORECASE)


class Graph:
    """Answers for the estate's directory."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request) -> Response:
        try:
            response = self._answer(request)
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

    def _answer(self, request: Request) -> Response:
        caller = self._caller(request)
        version, *parts = request.url.path.strip("/").split("/")
        if version != "v1.0":
            raise self._error(400, "BadRequest", f"Invalid version: {version}")
        if request.method != "GET":
            raise self._error(405, "Request_BadRequest", "The sandbox only reads here.")
        if parts == ["organization"]:
            return self._page(request, "organization", [shapes.organization(self._world.estate)])
        if not _MAY_READ & set(caller.roles):
            raise self._error(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            )
        if parts == ["servicePrincipals"]:
            documents = shapes.service_principals(self._world.estate)
            return self._page(request, "servicePrincipals", documents)
        if memberships.is_asked_for(parts):
            found = memberships.groups(self._world, request, parts[1], self._error)
            return self._page(request, "groups", found)
        return self._applications(request, parts)

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
            error = self._error(401, "InvalidAuthenticationToken", messages[refused.reason])
            authority = f"{world.names.login}/common/oauth2/authorize"
            error.headers["WWW-Authenticate"] = (
                f'Bearer realm="", authorization_uri="{authority}",'
                ' client_id="00000003-0000-0000-c000-000000000000"'
            )
            raise error from None

    def _applications(self, request: Request, parts: Sequence[str]) -> Response:
        if found := _BY_APP_ID.fullmatch(parts[0]):
            parts = [found[1], self._by_app_id(found[2]).object_id, *parts[1:]]
        match list(parts):
            case ["applications"]:
                applications = self._world.estate.applications
                documents = [shapes.application(application) for application in applications]
                return self._page(request, "applications", documents)
            case ["applications", object_id]:
                return self._one(request, self._by_id(object_id))
            case ["applications", object_id, "owners"]:
                estate = self._world.estate
                owners = [shapes.owner(estate, name) for name in self._by_id(object_id).owners]
                return self._page(request, "directoryObjects", owners)
            case _:
                message = f"Resource not found for the segment '{parts[-1]}'."
                raise self._error(400, "BadRequest", message)

    def _one(self, request: Request, found: Application) -> Response:
        document = _select(shapes.application(found), request.query_params.get("$select"))
        context = f"{self._world.names.graph}/v1.0/$metadata#applications/$entity"
        return answer({"@odata.context": context} | document, media_type=MEDIA_TYPE)

    def _by_id(self, object_id: str) -> Application:
        for application in self._world.estate.applications:
            if application.object_id == object_id.lower():
                return application
        raise self._not_found(object_id)

    def _by_app_id(self, app_id: str) -> Application:
        for application in self._world.estate.applications:
            if application.app_id == app_id.lower():
                return application
        raise self._not_found(app_id)

    def _not_found(self, name: str) -> RefusedError:
        message = (
            f"Resource '{name}' does not exist or one of its queried reference-property objects"
            " are not present."
        )
        return self._error(404, "Request_ResourceNotFound", message)

    def _page(self, request: Request, name: str, documents: Sequence[Document]) -> Response:
        """Return one page of a collection, filtered, with the chosen properties only."""
        query = request.query_params
        keep = self._filter(query.get("$filter", ""))
        kept = [document for document in documents if keep(document)]
        start, size = self._start(query.get("$skiptoken")), self._size(query.get("$top"))
        chosen = query.get("$select")
        columns = f"({chosen})" if chosen else ""
        result: Document = {
            "@odata.context": f"{self._world.names.graph}/v1.0/$metadata#{name}{columns}"
        }
        if query.get("$count") == "true" and request.headers.get("consistencylevel"):
            result["@odata.count"] = len(kept)
        if start + size < len(kept):
            rest = "&".join(
                f"{key}={quote(value, safe=',')}"
                for key, value in query.items()
                if key != "$skiptoken"
            )
            result["@odata.nextLink"] = (
                f"{self._world.names.graph}{request.url.path}?{rest}{'&' if rest else ''}"
                f"$skiptoken={seal(f'RFNwdA:{start + size}')}"
            )
        result["value"] = [_select(each, chosen) for each in kept[start : start + size]]
        return answer(result, media_type=MEDIA_TYPE)

    def _size(self, given: str | None) -> int:
        if given is None:
            return PAGE
        size = whole_number(given)
        if size is None or not 1 <= size <= LARGEST_PAGE:
            message = (
                f"Invalid page size specified: '{given}'. Must be between 1 and {LARGEST_PAGE}"
                " inclusive."
            )
            raise self._error(400, "Request_UnsupportedQuery", message)
        return size

    def _start(self, token: str | None) -> int:
        if token is None:
            return 0
        start = whole_number((unseal(token) or "").removeprefix("RFNwdA:"))
        if start is None:
            message = (
                "The specified page token value has expired and can no longer be included in your"
                " request."
            )
            raise self._error(400, "Directory_ExpiredPageToken", message)
        return start

    def _filter(self, text: str) -> Callable[[Document], bool]:
        """Return the test that a filter stands for."""
        if not text:
            return lambda _: True
        if found := _EQUALS.fullmatch(text):
            name, value = found[1], found[2].replace("''", "'")
            return lambda document: str(document.get(name)).lower() == value.lower()
        if found := _STARTS.fullmatch(text):
            name, start = found[1], found[2].replace("''", "'").lower()
            return lambda document: str(document.get(name)).lower().startswith(start)
        raise self._error(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter.")

    def _error(self, status: int, code: str, message: str) -> RefusedError:
        inner = {
            "date": self._world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": new_id(),
            "client-request-id": new_id(),
        }
        return RefusedError(
            status, {"error": {"code": code, "message": message, "innerError": inner}}
        )


def _select(document: Document, chosen: str | None) -> Document:
    if not chosen:
        return document
    names = [name.strip() for name in chosen.split(",")]
    return {name: document[name] for name in names if name in document}
