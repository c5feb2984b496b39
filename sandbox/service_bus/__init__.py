"""An Azure Service Bus namespace on this machine, spoken to by the real client.

One port serves plain AMQP, AMQP over TLS and the administration over HTTPS; the first bytes tell
which. Start reading at `server.py`.
"""

from sandbox.service_bus.faults import Fault
from sandbox.service_bus.namespace import Namespace
from sandbox.service_bus.server import Emulator

__all__ = ["Emulator", "Fault", "Namespace"]
