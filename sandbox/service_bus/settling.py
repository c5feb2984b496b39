"""What a client decides about a locked message, in the two languages in which it can say so.

On its link with a delivery state (Service Bus AMQP protocol guide, "Receive messages"), or in a
request with a disposition status ("request/response operations", com.microsoft:update-disposition).
"""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sandbox.service_bus.codec import Described, Value
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.errors import ARGUMENT_ERROR, BusError
from sandbox.service_bus.outcomes import ACCEPTED, MODIFIED, REJECTED, RELEASED

# Where an error has its info (AMQP 1.0 part 2, 2.8.14).
_INFO: Final = 2


def settle(queue: Queue, token: UUID, state: Described) -> None:
    """Apply a delivery state. Raises `BusError` when the lock is gone."""
    match state.code:
        case code if code == ACCEPTED:
            queue.complete(token)
        case code if code == RELEASED:
            queue.release(token)
        case code if code == REJECTED:
            queue.dead_letter(token, *_reason(state))
        case code if code == MODIFIED and _is_undeliverable(state):
            queue.defer(token)
        case code if code == MODIFIED:
            queue.abandon(token)
        case code:
            raise BusError(ARGUMENT_ERROR, f"A message cannot be settled with {code}.")


def settle_by_name(queue: Queue, token: UUID, status: str, body: Mapping[str, Value]) -> None:
    """Apply a disposition status. Raises `BusError` when the lock is gone."""
    if status == "suspended":
        reason = body.get("deadletter-reason")
        queue.dead_letter(token, reason, body.get("deadletter-description"))
        return
    named: Callable[[Queue, UUID], None] | None = _STATUSES.get(status)
    if named is None:
        raise BusError(ARGUMENT_ERROR, f"There is no disposition status {status!r}.")
    named(queue, token)


# "defered" is how the operation spells it.
_STATUSES: Final[dict[str, Callable[[Queue, UUID], None]]] = {
    "completed": Queue.complete,
    "abandoned": Queue.abandon,
    "defered": Queue.defer,
}


def _is_undeliverable(state: Described) -> bool:
    fields = state.value
    return len(fields) > 1 and bool(fields[1])


def _reason(state: Described) -> tuple[str | None, str | None]:
    """Return why a message is rejected: the info of its error holds it."""
    error = state.value[0] if state.value else None
    fields = error.value if isinstance(error, Described) else []
    given = dict(enumerate(fields)).get(_INFO) or {}
    info = {str(key): value for key, value in given.items()}
    return info.get("DeadLetterReason"), info.get("DeadLetterErrorDescription")
