"""An entity's management node: requests that no link can express.

"AMQP 1.0 in Service Bus: request/response-based operations", learn.microsoft.com.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sandbox.service_bus import outcomes
from sandbox.service_bus.codec import Array, Described, Int, Symbol, Timestamp, Value
from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.stored import Stored
from sandbox.service_bus.errors import ARGUMENT_ERROR, NOT_ALLOWED, NOT_IMPLEMENTED, BusError
from sandbox.service_bus.message import Message, response
from sandbox.service_bus.settling import settle_by_name

if TYPE_CHECKING:
    from sandbox.service_bus.session import Session

_VENDOR: Final = "com.microsoft:"
_OK: Final = 200
_NO_CONTENT: Final = 204
_RECEIVE_AND_DELETE: Final = 0
Answer = tuple[int, dict[str, Value]]


class ManagementNode:
    """Answers requests about one entity; what fails is answered with its condition."""

    def __init__(self, session: "Session", path: str, entity: Entity) -> None:
        self._session = session
        self._path = path
        self._entity = entity

    def take(self, raw: bytes, _message_format: int) -> Described:
        message = Message(raw)
        answers: list[Answer] = []
        faults, abort = self._session.connection.namespace.faults, self._session.connection.abort
        try:
            answered = faults.through(
                "manage", self._entity.path, abort, lambda: answers.append(self._do(message))
            )
        except BusError as error:
            self._answer(message, error.status, error.description, {}, error.condition)
        else:
            if answered:
                status, body = answers[0]
                self._answer(message, status, "OK", body)
        return outcomes.accepted

    def _answer(
        self,
        request: Message,
        status: int,
        description: str,
        body: dict[str, Value],
        condition: str | None = None,
    ) -> None:
        told: dict[str, Value] = {"statusCode": Int(status), "statusDescription": description}
        if condition is not None:
            told["errorCondition"] = Symbol(condition)
        link = self._session.replies.get(self._path)
        if link is not None:
            link.answer(response(request.message_id, told, body))

    def _do(self, message: Message) -> Answer:
        name = str(message.application_properties.get("operation", ""))
        operation = _OPERATIONS.get(name.removeprefix(_VENDOR))
        if operation is None:
            raise BusError(NOT_IMPLEMENTED, f"The operation {name!r} is not implemented here.", 501)
        given = message.value
        body = {str(key): value for key, value in given.items()} if isinstance(given, dict) else {}
        try:
            return operation(self._entity, body)
        except (KeyError, TypeError, AttributeError) as error:
            raise BusError(ARGUMENT_ERROR, f"The request lacks or misstates {error}.") from None


def _queue(entity: Entity) -> Queue:
    if not isinstance(entity, Queue):
        raise BusError(NOT_ALLOWED, f"'{entity.path}' is a topic and holds no messages.")
    return entity


def _renew_lock(entity: Entity, body: dict[str, Value]) -> Answer:
    until = [_queue(entity).renew(token) for token in body["lock-tokens"]]
    return _OK, {"expirations": Array(Timestamp(each * 1000) for each in until)}


def _update_disposition(entity: Entity, body: dict[str, Value]) -> Answer:
    queue, tokens = _queue(entity), body["lock-tokens"]
    for token in tokens:
        settle_by_name(queue, _uuid(token), body["disposition-status"], body)
    return _OK, {}


def _uuid(token: Value) -> UUID:
    return token if isinstance(token, UUID) else UUID(str(token))


def _peek(entity: Entity, body: dict[str, Value]) -> Answer:
    start, count = body["from-sequence-number"] or 0, body["message-count"]
    found = _queue(entity).peek(start, count)
    return _OK if found else _NO_CONTENT, _messages(found)


def _schedule(entity: Entity, body: dict[str, Value]) -> Answer:
    messages = [Message(bytes(each["message"])) for each in body["messages"]]
    return _OK, {"sequence-numbers": Array(entity.send(messages))}


def _cancel_scheduled(entity: Entity, body: dict[str, Value]) -> Answer:
    entity.cancel(body["sequence-numbers"])
    return _OK, {}


def _receive_deferred(entity: Entity, body: dict[str, Value]) -> Answer:
    settled = body.get("receiver-settle-mode") == _RECEIVE_AND_DELETE
    found = _queue(entity).receive_deferred(body["sequence-numbers"], settled=settled)
    return _OK, _messages(found)


def _messages(found: list[Stored]) -> dict[str, Value]:
    return {"messages": [_told(stored) for stored in found]}


def _told(stored: Stored) -> dict[str, Value]:
    told: dict[str, Value] = {"message": stored.encode()}
    return told if stored.token is None else told | {"lock-token": stored.token}


_OPERATIONS: Final[dict[str, Callable[[Entity, dict[str, Value]], Answer]]] = {
    "renew-lock": _renew_lock,
    "update-disposition": _update_disposition,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel_scheduled,
    "receive-by-sequence-number": _receive_deferred,
}
