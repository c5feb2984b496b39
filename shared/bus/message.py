"""What travels with an event: CloudEvents attributes, what caused it, and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.errors import PermanentError

SPEC_VERSION: Final = "1.0"


class UnreadableError(PermanentError):
    """A message that this release cannot read; `reason` is the dead letter's, in one word."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery of an event, as its handler sees it.

    `id` is the event's: it stays the same over redeliveries and replays. `attempt` is 0 at first
    and grows with each failure that was put off.
    """

    id: UUID
    type: str
    source: str
    time: datetime
    correlation_id: UUID
    causation_id: UUID | None
    attempt: int
    queue: str


current: Final[ContextVar[Message | None]] = ContextVar("bus_message", default=None)


def write_headers(message: Message) -> dict[str, str]:
    """Return the headers of a message that is published: CloudEvents 1.0 with `ce-` before each."""
    headers = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": str(message.id),
        "ce-type": message.type,
        "ce-source": message.source,
        "ce-time": message.time.isoformat(),
        "ce-correlationid": str(message.correlation_id),
    }
    if message.causation_id:
        headers["ce-causationid"] = str(message.causation_id)
    return headers


def read_headers(headers: Mapping[str, object], *, queue: str, attempt: int) -> Message:
    """Read a delivered message's headers. Raises `UnreadableError` that names what is wrong."""
    try:
        causation = headers.get("ce-causationid")
        return Message(
            id=UUID(str(headers["ce-id"])),
            type=str(headers["ce-type"]),
            source=str(headers["ce-source"]),
            time=_aware(str(headers["ce-time"])),
            correlation_id=UUID(str(headers["ce-correlationid"])),
            causation_id=UUID(str(causation)) if causation else None,
            attempt=attempt,
            queue=queue,
        )
    except KeyError as error:
        raise UnreadableError(
            "corrupt_headers",
            f"The header {error} is missing; only CertifyClouds may publish into this queue.",
        ) from None
    except ValueError:
        raise UnreadableError(
            "corrupt_headers",
            "A header is malformed; only CertifyClouds may publish into this queue.",
        ) from None


def _aware(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    return time
