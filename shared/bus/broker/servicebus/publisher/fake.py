"""What sends a handler's answer to the queue that the message asked for."""

from __future__ import annotations

from faststream._internal.endpoint.publisher.fake import FakePublisher
from faststream._internal.producer import ProducerProto
from faststream.response.response import PublishCommand

from shared.bus.broker.servicebus.response import ServiceBusPublishCommand


class ServiceBusFakePublisher(FakePublisher):
    """Answers to `reply_to`; it lives for one message."""

    def __init__(self, producer: ProducerProto[ServiceBusPublishCommand], reply_to: str) -> None:
        super().__init__(producer=producer)
        self.reply_to = reply_to

    def patch_command(self, cmd: PublishCommand) -> ServiceBusPublishCommand:
        patched = ServiceBusPublishCommand.from_cmd(super().patch_command(cmd))
        patched.destination = self.reply_to
        return patched
