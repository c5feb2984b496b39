"""What a client attaches its link to: an entity, `$cbs`, or an entity's management node.

Service Bus AMQP protocol guide: "Claims-based authorization", "Addressing" and "Sessions".
"""

from typing import TYPE_CHECKING, Final

from sandbox.service_bus import outcomes
from sandbox.service_bus.authority import covers
from sandbox.service_bus.cbs import TokenNode
from sandbox.service_bus.codec import Described, Symbol, Value
from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.errors import NOT_ALLOWED, NOT_IMPLEMENTED, UNAUTHORIZED, BusError
from sandbox.service_bus.frames import Attach
from sandbox.service_bus.links import IncomingLink, Link, OutgoingLink, is_batch
from sandbox.service_bus.management import ManagementNode
from sandbox.service_bus.message import Message
from sandbox.service_bus.namespace import path_of

if TYPE_CHECKING:
    from sandbox.service_bus.connection import Connection
    from sandbox.service_bus.session import Session

_CBS: Final = "$cbs"
_MANAGEMENT: Final = "/$management"
_SOURCE: Final = 0x28
_TARGET: Final = 0x29
_SESSION_FILTER: Final = "com.microsoft:session-filter"
_FILTER: Final = 7


def attach(session: "Session", asked: Attach) -> Link:
    """Return the bus's end of a link. Raises `BusError` for one that is refused."""
    connection = session.connection
    path = path_of(_address(asked))
    if path == _CBS:
        return _node(session, asked, path, None)
    if path.lower().endswith(_MANAGEMENT):
        entity = connection.namespace.find(path[: -len(_MANAGEMENT)])
        _check_authorized(connection, path)
        return _node(session, asked, path, entity)
    _check_authorized(connection, path)
    connection.namespace.faults.through("attach", path, connection.abort, lambda: None)
    return _receiver(session, asked, path) if asked.role else _sender(session, asked, path)


def _address(asked: Attach) -> str:
    terminus, code = (asked.source, _SOURCE) if asked.role else (asked.target, _TARGET)
    if not isinstance(terminus, Described) or terminus.code != code:
        raise BusError(NOT_IMPLEMENTED, "Transactions are not implemented here.")
    return str(terminus.value[0]) if terminus.value else ""


def _check_authorized(connection: "Connection", path: str) -> None:
    if not any(covers(granted, path) for granted in connection.granted):
        raise BusError(
            UNAUTHORIZED,
            f"Unauthorized access. 'Send' or 'Listen' claims are required for '{path}': put a"
            " token on $cbs first.",
            401,
        )


def _node(session: "Session", asked: Attach, path: str, entity: Entity | None) -> Link:
    if asked.role:
        link = OutgoingLink(session, asked)
        session.replies[path] = link
        return link
    node = TokenNode(session) if entity is None else ManagementNode(session, path, entity)
    return IncomingLink(session, asked, node.take)


def _sender(session: "Session", asked: Attach, path: str) -> Link:
    connection = session.connection
    entity = connection.namespace.find(path)
    entity.check_open("send")

    def take(raw: bytes, message_format: int) -> Described | None:
        def enqueue() -> None:
            whole = Message(raw)
            batch = is_batch(message_format)
            messages = [Message(part) for part in whole.data] if batch else [whole]
            connection.namespace.check_throughput(len(messages))
            entity.send(messages)

        try:
            through = connection.namespace.faults.through
            answered = through("send", entity.path, connection.abort, enqueue)
        except BusError as error:
            return outcomes.rejected(error)
        return outcomes.accepted if answered else None

    return IncomingLink(session, asked, take, entity)


def _receiver(session: "Session", asked: Attach, path: str) -> Link:
    filters: dict[Value, Value] = _field(asked.source, _FILTER) or {}
    if Symbol(_SESSION_FILTER) in filters:
        raise BusError(
            NOT_IMPLEMENTED, "Sessions are not implemented here: receive without a session."
        )
    queue = session.connection.namespace.queue(path)
    queue.check_open("receive")
    if queue.options.forward_to and "$" not in path:
        raise BusError(
            NOT_ALLOWED, f"Cannot receive from '{path}': it forwards to another entity.", 400
        )
    return OutgoingLink(session, asked, queue)


def _field(terminus: Described, index: int) -> Value:
    fields = terminus.value
    return fields[index] if len(fields) > index else None
