"""What every single request waits for, and what hears of every reply that asks to slow down."""

from typing import Any, Protocol

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from shared.clouds.deadline import standing_still
from shared.clouds.policies import is_throttled
from shared.clouds.retry_after import retry_after


class Gate(Protocol):
    """Whoever keeps a budget of requests implements this."""

    async def take(self) -> None:
        """Wait until one request may be sent."""
        ...

    async def slow_down(self, seconds: float | None) -> None:
        """Hear that a request was answered with 429, and the wait in seconds that it named."""
        ...


class OpenGate:
    """Lets every request through at once."""

    async def take(self) -> None:
        """Wait for nothing."""

    async def slow_down(self, seconds: float | None) -> None:
        """Heed nothing: the retries' own waits are all there is."""


class GatePolicy(AsyncHTTPPolicy[Any, Any]):
    """Stands behind what repeats requests, so that it sees what is really sent.

    The time spent at the gate is nobody's fault, so no deadline runs meanwhile. An attempt that was
    made before the pipeline (the option `first`) has passed the gate, and is not made again.
    """

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        first = request.context.options.pop("first", None)
        if first is None:
            with standing_still():
                await self._gate.take()
            response = await self.next.send(request)
        elif first.error is not None:
            raise first.error
        else:
            response = PipelineResponse(request.http_request, first.response, request.context)
        if is_throttled(response.http_response.status_code):
            with standing_still():
                await self._gate.slow_down(retry_after(response.http_response.headers))
        return response
