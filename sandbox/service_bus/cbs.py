"""Claims-based security: the client puts its tokens on `$cbs` before it attaches anything.

AMQP claims-based security 1.0, section 4.1 (put-token); the answer's status is named
`status-code`, unlike a management node's.
"""

from typing import TYPE_CHECKING, Final

from sandbox.service_bus import outcomes
from sandbox.service_bus.codec import Described, Int, Value
from sandbox.service_bus.errors import BusError
from sandbox.service_bus.message import Message, response
from sandbox.service_bus.namespace import path_of

if TYPE_CHECKING:
    from sandbox.service_bus.session import Session

_ACCEPTED: Final = 202


class TokenNode:
    """Takes tokens and remembers on the connection what they open."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def take(self, raw: bytes, _message_format: int) -> Described:
        message = Message(raw)
        status, why = self._put(message)
        link = self._session.replies.get("$cbs")
        if link is not None:
            told: dict[str, Value] = {"status-code": Int(status), "status-description": why}
            link.answer(response(message.message_id, told))
        return outcomes.accepted

    def _put(self, message: Message) -> tuple[int, str]:
        # A signature comes labelled as a "jwt" too: only its text tells.
        audience = str(message.application_properties.get("name", ""))
        connection = self._session.connection
        try:
            connection.authority.check(str(message.value), audience)
        except BusError as error:
            return error.status, error.description
        connection.granted.add(path_of(audience))
        return _ACCEPTED, "Accepted"
