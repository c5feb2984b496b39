"""Rotations through a running platform's API: finding what is meant, and waiting for answers.

What is asked for is heard by the rotator a moment later, so an id that is not known yet is asked
for again for a while.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.cli.client import Client
from shared.errors import PermanentError, TransientError

POLL_SECONDS: Final = 0.5
SLOWEST_SECONDS: Final = 10.0
SLOWER: Final = 1.2
HEARD_WITHIN_SECONDS: Final = 60.0

Pause = Callable[[float], None]
Document = dict[str, Any]


def credential_id(client: Client, text: str) -> str:
    """Return the id of a credential that is rotated, by its id or its unique name.

    Raises `PermanentError` where no credential, or more than one, has the name.
    """
    if _is_uuid(text):
        return text
    fits = [
        one["id"]
        for one in client.pages("/rotation-credentials")
        if text in (one["name"], f"{one['container']}/{one['name']}") and one["state"] != "released"
    ]
    if len(fits) != 1:
        raise PermanentError(
            f"{len(fits)} credentials that are rotated are called “{text}”; name one as"
            " application/name or by its id, as `certifyclouds rotate credentials` shows it."
        )
    return str(fits[0])


def plan(
    client: Client, credential: str, *, emergency: bool, pause: Pause = time.sleep
) -> Document:
    """Ask for a plan and return it. Raises `PermanentError` where the rotator could make none."""
    asked = client.post("/rotations/plans", {"credential_id": credential, "emergency": emergency})
    found = _heard(client, f"/rotations/plans/{asked['id']}", pause)
    if found["failure"]:
        raise PermanentError(f"There is no plan: {found['failure']}")
    return found


def follow(
    client: Client, rotation: str, limit: timedelta, pause: Pause = time.sleep
) -> Iterator[Document]:
    """Yield a rotation each time that it was looked at, until it has ended; less often with time.

    Raises `TransientError` where it goes on after `limit`.
    """
    path = f"/rotations/{rotation}"
    found = _heard(client, path, pause)
    waited, seconds = 0.0, POLL_SECONDS
    while True:
        yield found
        if found["over"]:
            return
        if waited >= limit.total_seconds():
            raise TransientError(
                f"Rotation {rotation} goes on ({found['state']}); see `certifyclouds rotate status"
                f" {rotation}`."
            )
        pause(seconds)
        waited, seconds = waited + seconds, min(seconds * SLOWER, SLOWEST_SECONDS)
        found = client.get(path)


def _heard(client: Client, path: str, pause: Pause) -> Document:
    """Return what is at a path when the rotator has put it there."""
    for _ in range(int(HEARD_WITHIN_SECONDS / POLL_SECONDS)):
        found = client.find(path)
        if found is not None:
            return found
        pause(POLL_SECONDS)
    raise TransientError(
        "The rotator has not answered for a minute; is it running? See `certifyclouds queues`."
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
