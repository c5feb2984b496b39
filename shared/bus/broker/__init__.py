"""A FastStream broker over a `Transport`: the only folder that touches FastStream's private parts.

FastStream has no public way to add a broker, so the release is pinned exactly and a test exercises
every piece that is used here.
"""

from shared.bus.broker.core import TransportBroker
from shared.bus.broker.message import TransportMessage
from shared.bus.broker.rabbit import has_consumer, is_blocked, is_connected, stop_within

__all__ = [
    "TransportBroker",
    "TransportMessage",
    "has_consumer",
    "is_blocked",
    "is_connected",
    "stop_within",
]
