"""How long a key signs session tokens, and how long what it signed is accepted."""

from datetime import datetime, timedelta
from typing import Final

from services.gateway.domain.session import LEEWAY, LIFETIME

SIGNS_FOR: Final = timedelta(days=90)


def signs(created_at: datetime, now: datetime) -> bool:
    """Return whether new tokens are signed with a key of this age."""
    return now - created_at < SIGNS_FOR


def accepted_until(created_at: datetime) -> datetime:
    """Return when the last token that was signed with it has ended."""
    return created_at + SIGNS_FOR + LIFETIME + LEEWAY


def is_accepted(created_at: datetime, now: datetime) -> bool:
    """Return whether a token signed with it may still live."""
    return now < accepted_until(created_at)
