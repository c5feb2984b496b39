"""How long to wait before the next look; seconds throughout."""

from typing import Final

from services.rotator.domain.rotation import Rotation

POLLS: Final = (2.0, 4.0, 8.0, 16.0, *(30.0,) * 8)
"""After each test that failed: sparse, since each is a failed sign-in in the customer's log. In
all 270 s; Entra's replicas were seen to need 4 to 18 s, and now and then more than 60 s."""

BETWEEN_CONFIRMATIONS: Final = 15.0
"""Between two looks that must agree: replicas learn one by one."""
COPIES: Final = 30.0
BLOCKED: Final = 600.0


def until_next_poll(rotation: Rotation) -> float | None:
    """Return the wait after a test that failed, or None when there is no use in another one."""
    return POLLS[rotation.polls] if rotation.polls < len(POLLS) else None
