"""The broker's configuration: FastStream's own plus the transport."""

from __future__ import annotations

from dataclasses import dataclass

from faststream._internal.configs import BrokerConfig

from shared.bus.transports.base import Transport


@dataclass(kw_only=True)
class TransportBrokerConfig(BrokerConfig):
    """FastStream's configuration and what carries the messages."""

    transport: Transport
