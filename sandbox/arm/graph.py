"""Resource Graph: queries over everything that the caller may read.

Azure Resource Graph REST API, "Resources"; "Guidance for throttled requests": 15 queries in five
seconds for each user, the quota in the answer's headers.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.arm import graph_rows
from sandbox.arm.kusto import InvalidQueryError, Row, parse
from sandbox.throttle import Window
from sandbox.tokens import Caller
from sandbox.wire import Document, RefusedError, answer, body, new_id, seal, unseal, whole_number
from sandbox.world import World

_QUERIES: Final = 15
_SECONDS: Final = 5.0
_PAGE: Final = 1_000
_SUBSCRIPTIONS: Final = 1_000


class ResourceGraph:
    """Answers queries about resources, subscriptions, and who may do what."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._quota = Window(_QUERIES, _SECONDS)

    async def answer(self, request: Request, caller: Caller) -> Response:
        if request.method != "POST":
            raise _error(405, "MethodNotAllowed", "MethodNotAllowed", "Use POST.")
        if not self._quota.take(caller.object_id):
            raise self._throttled(caller)
        document = await body(request)
        if document is None or not isinstance(document.get("query"), str):
            raise _error(400, "BadRequest", "InvalidQuery", "The request has no query.")
        rows = self._rows(caller, document)
        try:
            query = parse(document["query"])
            found = query.run(rows)
        except InvalidQueryError as error:
            raise _error(400, "BadRequest", "InvalidQuery", str(error)) from None
        return answer(_page(found, document, query.shows_id), headers=self._headers(caller))

    def _rows(self, caller: Caller, document: Document) -> dict[str, list[Row]]:
        """Return the tables that the caller may read, of the subscriptions that are asked for."""
        world = self._world
        asked = document.get("subscriptions")
        wanted = {str(name).lower() for name in asked} if asked else None
        if wanted and len(wanted) > _SUBSCRIPTIONS:
            raise _error(
                400, "BadRequest", "TooManySubscriptions", "Too many subscriptions are asked for."
            )
        seen = [
            subscription
            for subscription in world.estate.subscriptions
            if (wanted is None or subscription.id in wanted)
            and world.access.sees_subscription(caller.object_id, subscription.id)
        ]
        if wanted and not seen:
            raise _error(
                403,
                "Forbidden",
                "AccessDenied",
                "Access is denied to the requested resource. The user might not have enough"
                " permission.",
            )
        return {
            "resources": graph_rows.resources(world, caller, seen),
            "resourcecontainers": graph_rows.containers(world, seen),
            "authorizationresources": graph_rows.authorization(
                world, caller, seen, _scope_filter(document)
            ),
        }

    def _headers(self, caller: Caller) -> dict[str, str]:
        left = self._quota.left(caller.object_id)
        return {
            "x-ms-user-quota-remaining": str(left),
            "x-ms-user-quota-resets-after": self._resets_after(caller),
            "x-ms-ratelimit-remaining-tenant-resource-requests": str(left),
            "x-ms-resource-graph-request-duration": "0:00:00:00.0100000",
        }

    def _throttled(self, caller: Caller) -> RefusedError:
        refused = _error(
            429,
            "RateLimiting",
            "RateLimiting",
            "Client application has been throttled and should not attempt to repeat the request"
            " until an amount of time has elapsed. Please see"
            " https://aka.ms/resourcegraph-throttling for help.",
        )
        wait = int(self._quota.seconds_until_free(caller.object_id)) + 1
        resets = {"x-ms-user-quota-resets-after": self._resets_after(caller)}
        refused.headers |= {"Retry-After": str(wait), "x-ms-user-quota-remaining": "0"} | resets
        return refused

    def _resets_after(self, caller: Caller) -> str:
        """Return in hours, minutes and seconds when the caller may ask again."""
        return f"00:00:{int(self._quota.seconds_until_free(caller.object_id)) + 1:02d}"


def _scope_filter(document: Document) -> str:
    asked = (document.get("options") or {}).get("authorizationScopeFilter", "AtScopeAndBelow")
    if not graph_rows.is_scope_filter(asked):
        message = f"{asked!r} is no authorizationScopeFilter."
        raise _error(400, "BadRequest", "InvalidScopeFilter", message)
    return str(asked)


def _page(found: list[Row], document: Document, shows_id: bool) -> Document:  # noqa: FBT001
    """Return one page; where the query does not show the id, Azure gives no way to the next."""
    options = document.get("options") or {}
    size = min(int(options.get("$top") or _PAGE), _PAGE)
    token = options.get("$skipToken")
    start = whole_number(unseal(token) or "") if token else int(options.get("$skip") or 0)
    if start is None:
        raise _error(400, "BadRequest", "InvalidSkipToken", "The skip token is not valid.")
    rows = found[start : start + size]
    more = start + size < len(found)
    result: Document = {
        "totalRecords": len(found),
        "count": len(rows),
        "data": _table(rows) if options.get("resultFormat") == "table" else rows,
        "facets": [],
        "resultTruncated": "true" if more and not shows_id else "false",
    }
    if more and shows_id:
        result["$skipToken"] = seal(str(start + size))
    return result


def _table(rows: list[Row]) -> Document:
    columns = list(rows[0]) if rows else []
    shown = [{"name": name, "type": "string"} for name in columns]
    return {"columns": shown, "rows": [[row[name] for name in columns] for row in rows]}


def _error(status: int, code: str, detail: str, message: str) -> RefusedError:
    return RefusedError(
        status,
        {
            "error": {
                "code": code,
                "message": (
                    "Please provide below info when asking for support: correlationId ="
                    f" {new_id()}."
                ),
                "details": [{"code": detail, "message": message}],
            }
        },
    )
