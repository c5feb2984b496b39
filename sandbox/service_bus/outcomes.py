"""Delivery states (OASIS AMQP 1.0 part 3 section 3.4)."""

from typing import Final

from sandbox.service_bus.codec import Described, ULong
from sandbox.service_bus.errors import BusError
from sandbox.service_bus.frames import error

ACCEPTED: Final = 0x24
REJECTED: Final = 0x25
RELEASED: Final = 0x26
MODIFIED: Final = 0x27

accepted: Final = Described(ULong(ACCEPTED), [])


def rejected(why: BusError | None = None) -> Described:
    """Say that something was not taken; without a reason: that a message is a dead letter now.

    To the client a reason in the answer to its settlement means that it could not be settled.
    """
    fields = [] if why is None else [error(why.condition, why.description)]
    return Described(ULong(REJECTED), fields)
