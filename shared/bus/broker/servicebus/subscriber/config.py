"""What a subscriber is configured with."""

from __future__ import annotations

from dataclasses import dataclass

from faststream._internal.configs import SubscriberSpecificationConfig, SubscriberUsecaseConfig
from faststream._internal.constants import EMPTY
from faststream.middlewares import AckPolicy

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig


@dataclass(kw_only=True)
class ServiceBusSubscriberSpecificationConfig(SubscriberSpecificationConfig):
    """What the AsyncAPI document says of a subscriber."""

    address: Address


@dataclass(kw_only=True)
class ServiceBusSubscriberConfig(SubscriberUsecaseConfig):
    """Where a subscriber consumes and how; `max_lock_renewal` is in seconds, 0 renews nothing."""

    _outer_config: ServiceBusBrokerConfig  # pyright: ignore[reportIncompatibleVariableOverride]  # as FastStream's own brokers do
    address: Address
    workers: int
    prefetch: int
    max_lock_renewal: float

    @property
    def ack_policy(self) -> AckPolicy:
        """The subscriber's policy, its router's, its broker's, or to give back on an error.

        Giving back is what Service Bus's own processors do; MaxDeliveryCount ends it.
        """
        for policy in (self._ack_policy, self._outer_config.ack_policy):
            if policy is not EMPTY:
                return policy
        return AckPolicy.NACK_ON_ERROR
