"""What the address of a bus says."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from shared.address import ESCAPE, is_whole
from shared.errors import SettingsError

EMBEDDED: Final = "postgresql"
RABBITMQ: Final = "rabbitmq"
SERVICE_BUS: Final = "servicebus"
_ENDPOINT: Final = re.compile(r"sb://(?:[\w-]+@)?[\w.-]+(?::\d{1,5})?/?")


def kind_of(url: str) -> str:
    """Return `postgresql`, `rabbitmq` or `servicebus`. Raises `SettingsError` for anything else.

    The address itself is not repeated in the error: it may hold a password.
    """
    if not url or url.split(":", 1)[0] in {"postgresql", "postgres"}:
        return EMBEDDED
    if url.startswith(("amqp://", "amqps://")):
        return RABBITMQ
    if url.startswith("sb://") or _settings(url).get("endpoint", "").startswith("sb://"):
        return SERVICE_BUS
    raise SettingsError(
        "BUS_URL must be empty (the database carries the events), amqp://user:password@host/ or"
        " amqps://… (RabbitMQ), or a Service Bus namespace: its connection string, or sb://name."
    )


def address_of(url: str) -> str:
    """Return where a bus is, without credentials: what tells two of one kind apart.

    Raises `SettingsError` for a connection string of a single entity, and for what cannot be read.
    """
    kind = kind_of(url)
    if kind == EMBEDDED:
        return ""
    if kind == SERVICE_BUS:
        return _namespace(url)
    if not is_whole(url):
        raise SettingsError(f"BUS_URL cannot be read; {ESCAPE}.")
    parts = urlsplit(url)
    port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
    return f"{(parts.hostname or 'localhost').lower()}:{port}{parts.path or '/'}"


def _namespace(url: str) -> str:
    settings = _settings(url)
    if "entitypath" in settings:
        raise SettingsError(
            "BUS_URL is the connection string of one entity (EntityPath). Use that of the"
            " namespace: its shared access policies have it."
        )
    endpoint = settings.get("endpoint", url)
    if not _ENDPOINT.fullmatch(endpoint):
        raise SettingsError(
            "BUS_URL names no namespace; it is sb://name.servicebus.windows.net/, in a connection"
            " string between Endpoint= and a semicolon."
        )
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").lower()
    return f"{host}:{parts.port}" if parts.port else host


def _settings(url: str) -> dict[str, str]:
    """Return a connection string's settings; their names may be in any case."""
    pairs = (part.partition("=") for part in url.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
