"""Cognitive Services: the models of Computer Vision, opened by a key in a header.

Azure AI services documentation, "Authenticate requests to Azure AI services"; Computer Vision REST
API 3.2, "List Models". The key is looked at before the path, as the real front does.
"""

import hmac
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.estate.keyed import COGNITIVE
from sandbox.wire import answer, new_id
from sandbox.world import World

_MODELS: Final = {"models": [{"name": "celebrities", "categories": ["people_"]}]}
_DENIED: Final = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a"
    " valid key for an active subscription and use a correct regional API endpoint for your"
    " resource."
)


class CognitiveServices:
    """Answers for every account of several services."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request, name: str) -> Response:
        now = self._world.clock.time()
        account = self._world.estate.accounts.find(COGNITIVE.type, name, now)
        given = request.headers.get("ocp-apim-subscription-key", "").encode()
        if account is None or not any(
            hmac.compare_digest(key.encode(), given) for key in account.values()
        ):
            return _refused(401, "401", _DENIED)
        if request.method != "GET" or request.url.path != "/vision/v3.2/models":
            return _refused(404, "404", "Resource not found")
        return answer(_MODELS, headers={"apim-request-id": new_id()})


def _refused(status: int, code: str, message: str) -> Response:
    headers = {"apim-request-id": new_id()}
    return answer({"error": {"code": code, "message": message}}, status, headers=headers)
