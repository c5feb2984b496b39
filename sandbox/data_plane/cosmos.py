"""Cosmos DB for NoSQL: the account and its databases, opened by a key of the account.

Azure Cosmos DB REST API, "Access control in the Azure Cosmos DB SQL API" and "List Databases".
Keys that only read open both, because both only read.
"""

from typing import Final
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response

from sandbox.data_plane.signatures import is_near, is_signed
from sandbox.estate.keyed import COSMOS
from sandbox.wire import Document, answer, new_id
from sandbox.world import World

_PATHS: Final = {"/": "", "/dbs": "dbs"}


class CosmosDB:
    """Answers for every database account. The estate's accounts hold no databases."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request, name: str) -> Response:
        now = self._world.clock.time()
        account = self._world.estate.accounts.find(COSMOS.type, name, now)
        if account is None:
            return _refused(404, "NotFound", "There is no database account of this name.")
        kind = _PATHS.get(request.url.path)
        if kind is None or request.method != "GET":
            return _refused(405, "MethodNotAllowed", "The sandbox lists databases.")
        authorization = unquote(request.headers.get("authorization", ""))
        if not authorization:
            message = (
                "Required Header authorization is missing. Ensure a valid Authorization token is"
                " passed."
            )
            return _refused(401, "Unauthorized", message)
        date = request.headers.get("x-ms-date") or request.headers.get("date", "")
        text = f"get\n{kind}\n\n{date.lower()}\n\n"
        if not is_signed(account.values(), text, _signature(authorization)):
            message = (
                "The input authorization token can't serve the request. The wrong key is being"
                " used or the expected payload is not built as per the protocol. For more info:"
                " https://aka.ms/cosmosdb-tsg-unauthorized. Server used the following payload to"
                f" sign: '{text}'"
            )
            return _refused(401, "Unauthorized", message)
        if not is_near(date, now):
            message = (
                "The authorization token is not valid at the current time. Please create another"
                " token and retry."
            )
            return _refused(403, "Forbidden", message)
        return answer(self._shown(kind, account.name, account.location))

    def _shown(self, kind: str, name: str, location: str) -> Document:
        if kind == "dbs":
            return {"_rid": "", "Databases": [], "_count": 0}
        address = self._world.names.account("documents", name)
        place = [{"name": location, "databaseAccountEndpoint": address}]
        return {
            "_self": "",
            "id": name,
            "_rid": f"{name}.documents",
            "_dbs": "//dbs/",
            "writableLocations": place,
            "readableLocations": place,
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        }


def _signature(authorization: str) -> str:
    """Return the signature of a master token, empty where it is something else.

    A plus sign in it is one: the header is encoded as a whole, not as a form.
    """
    parts = dict(parse_qsl(authorization.replace("+", "%2B")))
    is_master = (parts.get("type"), parts.get("ver")) == ("master", "1.0")
    return parts.get("sig", "") if is_master else ""


def _refused(status: int, code: str, message: str) -> Response:
    activity = new_id()
    told = f"{message}\r\nActivityId: {activity}, Microsoft.Azure.Documents.Common/2.14.0"
    return answer({"code": code, "message": told}, status, headers={"x-ms-activity-id": activity})
