"""Namespaces of Service Bus and Event Hubs: what is in them, opened by a rule's signature.

Service Bus documentation, "Service Bus access control with Shared Access Signatures"; Service Bus
and Event Hubs REST API, "List queues" and its neighbours. Listing takes the right to manage.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response

from sandbox.data_plane.signatures import xml
from sandbox.estate.accounts import Account, KeyRing
from sandbox.estate.keyed import EVENT_HUBS, SERVICE_BUS
from sandbox.service_bus.administration import atom
from sandbox.service_bus.authority import Authority
from sandbox.service_bus.errors import UNAUTHORIZED, BusError
from sandbox.wire import new_id
from sandbox.world import World

_KINDS: Final = {
    SERVICE_BUS.type: {"queues": "Queues", "topics": "Topics"},
    EVENT_HUBS.type: {"eventhubs": "EventHubs"},
}
_RESOURCES: Final = "/$resources/"
_SIGNATURE: Final = "SharedAccessSignature "


class BusNamespaces:
    """Answers for every namespace. The estate's namespaces hold nothing."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request, name: str) -> Response:
        found = self._namespace(name)
        if found is None:
            return _refused(404, "There is no namespace of this name.")
        try:
            self._check(request, found)
        except BusError as error:
            return _refused(error.status, error.description)
        path = request.url.path.lower()
        title = _KINDS[found.type].get(path.removeprefix(_RESOURCES))
        if request.method != "GET" or not path.startswith(_RESOURCES) or title is None:
            return _refused(400, "The sandbox lists queues, topics and event hubs.")
        return Response(atom.written(atom.feed(title, [], None)), media_type="application/atom+xml")

    def _namespace(self, name: str) -> Account | None:
        accounts, now = self._world.estate.accounts, self._world.clock.time()
        found = (accounts.find(row.type, name, now) for row in (SERVICE_BUS, EVENT_HUBS))
        return next((account for account in found if account is not None), None)

    def _check(self, request: Request, found: Account) -> None:
        """Raise `BusError` unless a key of a rule that may manage made the signature."""
        token = request.headers.get("authorization", "")
        if not token.startswith(_SIGNATURE):
            raise _unauthorized("MissingToken: The authorization header was not found.")
        parts = dict(parse_qsl(token.removeprefix(_SIGNATURE)))
        host = urlsplit(parts.get("sr", "")).hostname
        if host != request.url.hostname:
            raise _unauthorized("InvalidAudience: The authorization header contains another host.")
        ring = found.rings.get(unquote(parts.get("skn", "")).lower())
        self._check_signature(token, ring, str(request.url))
        if ring is None or "Manage" not in ring.rights:
            raise _unauthorized("Unauthorized access. 'Manage' claim(s) are required.")

    def _check_signature(self, token: str, ring: KeyRing | None, url: str) -> None:
        """Raise what the key that made the signature is told; else what no key made it is told."""
        refused = _unauthorized("InvalidSignature: The token has an invalid signature.")
        for keys in _each(ring):
            try:
                return Authority(keys, now=self._world.clock.time).check(token, url)
            except BusError as error:
                if not error.description.startswith("InvalidSignature"):
                    refused = error
        raise refused


def _each(ring: KeyRing | None) -> Iterator[dict[str, str]]:
    if ring is not None:
        yield from ({ring.name: key.value} for key in ring.keys.values())


def _unauthorized(why: str) -> BusError:
    return BusError(UNAUTHORIZED, why, 401)


def _refused(status: int, why: str) -> Response:
    error = ET.Element("Error")
    ET.SubElement(error, "Code").text = str(status)
    ET.SubElement(error, "Detail").text = f"{why} TrackingId:{new_id()}"
    return xml(error, status)
