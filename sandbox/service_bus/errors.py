"""What goes wrong on the bus, as AMQP says it: a condition and a sentence.

Conditions: OASIS AMQP 1.0 part 2 section 2.8.14 to 2.8.18 and Microsoft's "Service Bus AMQP
response codes" and "Service Bus messaging exceptions".
"""

from typing import Final

NOT_FOUND: Final = "amqp:not-found"
UNAUTHORIZED: Final = "amqp:unauthorized-access"
DECODE_ERROR: Final = "amqp:decode-error"
QUOTA: Final = "amqp:resource-limit-exceeded"
NOT_ALLOWED: Final = "amqp:not-allowed"
NOT_IMPLEMENTED: Final = "amqp:not-implemented"
INTERNAL: Final = "amqp:internal-error"
FRAMING_ERROR: Final = "amqp:connection:framing-error"
FORCED: Final = "amqp:connection:forced"
UNATTACHED_HANDLE: Final = "amqp:session:unattached-handle"
HANDLE_IN_USE: Final = "amqp:session:handle-in-use"
TRANSFER_LIMIT: Final = "amqp:link:transfer-limit-exceeded"
TOO_LARGE: Final = "amqp:link:message-size-exceeded"
LOCK_LOST: Final = "com.microsoft:message-lock-lost"
MESSAGE_NOT_FOUND: Final = "com.microsoft:message-not-found"
ENTITY_DISABLED: Final = "com.microsoft:entity-disabled"
SERVER_BUSY: Final = "com.microsoft:server-busy"
HOPS: Final = "MaxTransferHopCountExceeded"
ARGUMENT_ERROR: Final = "com.microsoft:argument-error"


class BusError(Exception):
    """An operation that the bus refuses: `condition` for the client's code, the text for a person.

    `status` is what a request on a management link or over HTTP is answered with.
    """

    def __init__(self, condition: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description
        self.status = status


def entity_not_found(path: str) -> BusError:
    return BusError(NOT_FOUND, f"The messaging entity '{path}' could not be found.", 404)


def lock_lost() -> BusError:
    """Return what a settlement hears whose lock has expired, or was never given here."""
    return BusError(
        LOCK_LOST,
        "The lock supplied is invalid. Either the lock expired, or the message has already been"
        " removed from the queue.",
        410,
    )
