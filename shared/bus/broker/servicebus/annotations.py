"""What a handler may ask for by its type: the broker, the client, the message."""

from __future__ import annotations

from typing import Annotated

from azure.servicebus.aio import ServiceBusClient
from faststream._internal.context import Context
from faststream.annotations import ContextRepo, Logger
from faststream.params import NoCast

from shared.bus.broker.servicebus.broker.broker import ServiceBusBroker as Broker
from shared.bus.broker.servicebus.message import ServiceBusMessage as Message

__all__ = ("Client", "ContextRepo", "Logger", "NoCast", "ServiceBusBroker", "ServiceBusMessage")

Client = Annotated[ServiceBusClient, Context("broker.client")]
ServiceBusBroker = Annotated[Broker, Context("broker")]
ServiceBusMessage = Annotated[Message, Context("message")]
