"""What the address of a bus says."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from shared.errors import SettingsError

EMBEDDED: Final = "postgresql"
RABBITMQ: Final = "rabbitmq"
SERVICE_BUS: Final = "servicebus"


def kind_of(url: str) -> str:
    """Return `postgresql` or `rabbitmq`. Raises `SettingsError` for anything else.

    The address itself is not repeated in the error: it may hold a password.
    """
    if not url or url.split(":", 1)[0] in {"postgresql", "postgres"}:
        return EMBEDDED
    if url.startswith(("amqp://", "amqps://")):
        return RABBITMQ
    raise SettingsError(
        "BUS_URL must be empty (the database carries the events) or begin with amqp:// or amqps://."
    )


def address_of(url: str) -> str:
    """Return where a bus is, without credentials: what tells two RabbitMQ servers apart."""
    if kind_of(url) == EMBEDDED:
        return ""
    parts = urlsplit(url)
    port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
    return f"{(parts.hostname or 'localhost').lower()}:{port}{parts.path or '/'}"
