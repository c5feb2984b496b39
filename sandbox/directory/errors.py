"""Microsoft Graph's error documents ("Microsoft Graph error responses and resource types")."""

from sandbox.clock import Clock
from sandbox.wire import RefusedError, new_id


def refuse(clock: Clock, status: int, code: str, message: str) -> RefusedError:
    """Return an error as Graph words it."""
    inner = {
        "date": clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": new_id(),
        "client-request-id": new_id(),
    }
    return RefusedError(status, {"error": {"code": code, "message": message, "innerError": inner}})
