"""The answer to a request that was accepted, the first time and again."""

from starlette.responses import Response

from services.gateway.routes.answers import as_json
from services.gateway.steps.once import Accepted


def accepted_answer(accepted: Accepted, status: int = 202) -> Response:
    """Return what a request was answered with, and whether that was before."""
    headers = {"location": accepted.location}
    if accepted.again:
        headers["idempotent-replayed"] = "true"
    return as_json(accepted.answer, status, headers)
