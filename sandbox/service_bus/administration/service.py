"""The HTTP side: making, changing, listing and deleting entities.

Service Bus REST API, "Create queue" and its neighbours. An entity that is not there is answered
with an empty feed, as the service does; a change comes with `If-Match`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote
from xml.etree import ElementTree as ET

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.service_bus.administration import atom, shapes
from sandbox.service_bus.administration.control import Control
from sandbox.service_bus.authority import Authority
from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.topic import Subscription, Topic
from sandbox.service_bus.errors import BusError, entity_not_found
from sandbox.service_bus.namespace import Namespace

T = TypeVar("T")
_FIXED: Final = ("duplicate_window",)
_FOUND_NONE: Final = "Publicly Listed Services"


class Administration:
    """An ASGI application over a namespace; every request shows a token.

    `control` is what a test may do to the namespace besides, which no real one offers. `changed` is
    called before a change is answered.
    """

    def __init__(
        self,
        namespace: Namespace,
        authority: Authority,
        control: Control | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._namespace = namespace
        self._changed_by_hand = changed
        self._authority = authority
        steering = self._guarded(control.steer) if control else self._guarded(self._entity)
        methods = ["GET", "PUT", "DELETE"]
        self.app = Starlette(
            routes=[
                Route("/$sandbox/{what}", steering, methods=["GET", "POST", "DELETE"]),
                Route("/$Resources/{kind}", self._guarded(self._list), methods=["GET"]),
                Route("/{topic}/subscriptions", self._guarded(self._subscriptions)),
                Route(
                    "/{topic}/subscriptions/{name}/rules",
                    self._guarded(self._rules),
                    methods=["GET"],
                ),
                Route(
                    "/{topic}/subscriptions/{name}/rules/{rule}",
                    self._guarded(self._rule),
                    methods=methods,
                ),
                Route(
                    "/{topic}/subscriptions/{name}",
                    self._guarded(self._subscription),
                    methods=methods,
                ),
                Route("/{name:path}", self._guarded(self._entity), methods=methods),
            ]
        )

    def _guarded(self, handle: Callable[[Request, bytes], Response]) -> Any:  # noqa: ANN401 - Starlette's endpoint
        async def endpoint(request: Request) -> Response:
            try:
                token = request.headers.get("Authorization", "").removeprefix("Bearer ")
                self._authority.check(token, str(request.url))
                answer = handle(request, await request.body())
                if request.method != "GET":
                    self._changed_by_hand()
            except BusError as error:
                return _refused(error.status, error.description)
            except ValueError as error:
                return _refused(400, str(error))
            return answer

        return endpoint

    # Queues and topics ------------------------------------------------------------------------

    def _list(self, request: Request, _: bytes) -> Response:
        kind = {"queues": Queue, "topics": Topic}.get(request.path_params["kind"].lower())
        if kind is None:
            raise ValueError("There are queues and topics.")
        found = [each for each in self._namespace.entities() if type(each) is kind]
        return _feed(request, "Entities", found, lambda each: _entry(each, each.path))

    def _entity(self, request: Request, body: bytes) -> Response:
        name = request.path_params["name"]
        if request.method == "GET":
            return self._shown(name, name)
        if request.method == "DELETE":
            self._namespace.delete(name)
            return Response()
        description = atom.description_in(body)
        settings = shapes.options(atom.texts(description))
        if "If-Match" in request.headers:
            return self._changed(name, name, settings)
        topic = description.tag.endswith("TopicDescription")
        made = (Topic if topic else Queue)(name, settings, self._namespace)
        return _created(_entry(self._namespace.add(made), name))

    # Subscriptions ----------------------------------------------------------------------------

    def _subscriptions(self, request: Request, _: bytes) -> Response:
        found = self._namespace.topic(request.path_params["topic"]).subscriptions
        entries = sorted(found.values(), key=lambda each: each.path.lower())
        return _feed(request, "Subscriptions", entries, lambda each: _entry(each, _last(each.path)))

    def _subscription(self, request: Request, body: bytes) -> Response:
        topic, name = request.path_params["topic"], request.path_params["name"]
        path = f"{topic}/Subscriptions/{name}"
        if request.method == "GET":
            return self._shown(path, name)
        if request.method == "DELETE":
            self._namespace.delete(path)
            return Response()
        settings = shapes.options(atom.texts(atom.description_in(body)))
        if "If-Match" in request.headers:
            return self._changed(path, name, settings)
        made = self._namespace.create_subscription(topic, name)
        made.options = settings
        return _created(_entry(made, name))

    # Rules ------------------------------------------------------------------------------------

    def _rules(self, request: Request, _: bytes) -> Response:
        rules = sorted(self._of(request).rules.items())
        return _feed(
            request, "Rules", rules, lambda rule: atom.entry(rule[0], shapes.described_rule(*rule))
        )

    def _rule(self, request: Request, body: bytes) -> Response:
        rules, name = self._of(request).rules, request.path_params["rule"]
        if request.method == "PUT":
            if name in rules and "If-Match" not in request.headers:
                return _refused(409, f"There is a rule '{name}' already.")
            rules[name] = shapes.rule_in(atom.description_in(body))
            return _created(atom.entry(name, shapes.described_rule(name, rules[name])))
        if name not in rules:
            if request.method == "GET":
                return _xml(atom.feed(_FOUND_NONE, [], None))
            raise entity_not_found(name)
        if request.method == "DELETE":
            del rules[name]
            return Response()
        return _xml(atom.entry(name, shapes.described_rule(name, rules[name])))

    def _of(self, request: Request) -> Subscription:
        topic = self._namespace.topic(request.path_params["topic"])
        found = topic.subscriptions.get(request.path_params["name"].lower())
        if found is None:
            raise entity_not_found(request.path_params["name"])
        return found

    # Common -----------------------------------------------------------------------------------

    def _shown(self, path: str, name: str) -> Response:
        try:
            return _xml(_entry(self._namespace.find(path), name))
        except BusError:
            return _xml(atom.feed(_FOUND_NONE, [], None))

    def _changed(self, path: str, name: str, settings: Any) -> Response:  # noqa: ANN401 - Options
        entity = self._namespace.find(path)
        for field in _FIXED:
            if (getattr(entity.options, field) is None) != (getattr(settings, field) is None):
                raise ValueError(f"SubCode=40000. The value of {field} cannot be changed.")
        entity.options = settings
        entity.updated = self._namespace.agenda.clock.now()
        return _xml(_entry(entity, name))


def _entry(entity: Entity, title: str) -> ET.Element:
    return atom.entry(title, shapes.described(entity))


def _feed(
    request: Request, title: str, found: Sequence[T], entry: Callable[[T], ET.Element]
) -> Response:
    skip = int(request.query_params.get("$skip", "0"))
    top = int(request.query_params.get("$top", "100"))
    more = None
    if len(found) > skip + top:
        more = f"{request.url.path}?{quote('$skip')}={skip + top}&{quote('$top')}={top}"
    return _xml(atom.feed(title, [entry(each) for each in found[skip : skip + top]], more))


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _xml(element: ET.Element, status: int = 200) -> Response:
    return Response(atom.written(element), status, media_type="application/atom+xml")


def _created(element: ET.Element) -> Response:
    return _xml(element, 201)


def _refused(status: int, why: str) -> Response:
    error = ET.Element("Error")
    ET.SubElement(error, "Code").text = str(status)
    ET.SubElement(error, "Detail").text = why
    return Response(atom.written(error), status, media_type="application/xml")
