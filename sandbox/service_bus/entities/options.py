"""What can be set on an entity.

Names and defaults: Service Bus REST API, "QueueDescription", "TopicDescription" and
"SubscriptionDescription"; Service Bus quotas of the Standard tier.
"""

from dataclasses import dataclass
from typing import Literal

Status = Literal["Active", "Disabled", "SendDisabled", "ReceiveDisabled"]


@dataclass(slots=True, kw_only=True)
class Options:
    """One entity's settings; times in seconds, sizes in bytes. None of a time means: for ever.

    `duplicate_window` None means no duplicate detection. What only queues and subscriptions know
    (locks, deliveries, forwarding) means nothing on a topic.
    """

    lock_seconds: float = 60.0
    max_delivery_count: int = 10
    seconds_to_live: float | None = None
    dead_letter_on_expiry: bool = False
    duplicate_window: float | None = None
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None
    max_bytes: int = 1024 * 1024 * 1024
    status: Status = "Active"
    user_metadata: str | None = None
