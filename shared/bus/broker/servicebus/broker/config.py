"""The configuration that a broker and its routers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from azure.servicebus.aio import ServiceBusClient
from faststream._internal.configs import (
    BrokerConfig,
    UnderlyingDriverAnnotation,
    UnderlyingDriverAnnotations,
)
from faststream.exceptions import IncorrectState

from shared.bus.broker.servicebus.client import Connection

if TYPE_CHECKING:
    from fast_depends.library.serializer import SerializerProto


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, in seconds; the values suit Azure and tests shorten them.

    A worker polls rather than being cancelled: a read that is cut off can leave a message locked
    that nobody has seen. `poll` is therefore also what a stop waits for. A poll that takes `stall`
    longer than it should has stopped silently, and an answer to a settlement that takes longer than
    `settle` was lost: in both cases the worker gets a new receiver.
    """

    poll: float = 1.0
    stall: float = 15.0
    settle: float = 30.0
    open: float = 60.0
    first_pause: float = 0.5
    last_pause: float = 30.0


def _driver_annotations() -> UnderlyingDriverAnnotations:
    """Tell FastStream what to suggest where a handler asks for a driver's class by mistake."""
    from shared.bus.broker.servicebus import annotations  # noqa: PLC0415 - it needs the broker
    from shared.bus.broker.servicebus.broker.broker import ServiceBusBroker  # noqa: PLC0415
    from shared.bus.broker.servicebus.message import ServiceBusMessage  # noqa: PLC0415

    rows = {
        ServiceBusClient: "Client",
        ServiceBusBroker: "ServiceBusBroker",
        ServiceBusMessage: "ServiceBusMessage",
    }
    return MappingProxyType(
        {
            driver: UnderlyingDriverAnnotation(
                type_hint=getattr(annotations, name), module=annotations.__name__, name=name
            )
            for driver, name in rows.items()
        }
    )


def serializer_of(config: BrokerConfig) -> SerializerProto | None:
    """Return the serializer, which FastStream keeps to itself and hands to its own producers."""
    return config.fd_config._serializer  # noqa: SLF001 - there is no public name for it


@dataclass(kw_only=True)
class ServiceBusBrokerConfig(BrokerConfig):
    """FastStream's configuration, the timing, and the connection while there is one."""

    timing: Timing = field(default_factory=Timing)
    open_connection: Connection | None = field(default=None, init=False, repr=False)
    default_driver_annotations: UnderlyingDriverAnnotations = field(
        default_factory=_driver_annotations
    )

    @property
    def connection(self) -> Connection:
        if self.open_connection is None:
            raise IncorrectState(
                "The broker is not connected: call `connect()` or `start()` first."
            )
        return self.open_connection
