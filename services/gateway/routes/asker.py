"""Reading from an admitted request who asks."""

from fastapi import Request

from services.gateway.middleware.caller import caller_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import scope_of, session_of
from services.gateway.steps.asker import Asker


def asker_of(request: Request) -> Asker:
    """Return who asks; only for endpoints that are not open."""
    return Asker(
        session=session_of(request),
        scope=scope_of(request),
        caller=caller_of(request),
        course=request_uuid(request),
    )
