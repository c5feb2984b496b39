"""The bus: events between services, at least once, with their cause and their trace.

`emit` is a row in the caller's transaction; a handler that claims its message in the inbox has its
effect once. PostgreSQL carries the events, or RabbitMQ does, fed by a relay from the same rows.
"""

from shared.bus import inbox, topology
from shared.bus.bus import Bus
from shared.bus.message import Message
from shared.bus.retry import Retry
from shared.bus.standing import ConsumersLostError
from shared.bus.store import ServiceSeen

__all__ = ["Bus", "ConsumersLostError", "Message", "Retry", "ServiceSeen", "inbox", "topology"]
