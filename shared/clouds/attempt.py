"""The first attempt of a request, made without azure-core's pipeline.

The pipeline costs as much CPU as the request itself, and of ten thousand pages hardly one needs it:
it is there to repeat. So a request with its token at hand goes to the transport at once, and what
came of it enters the pipeline, as the first of its attempts, only if it was no 200.
"""

from collections.abc import Callable
from dataclasses import dataclass

from azure.core.exceptions import AzureError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from shared.clouds.credential import SingleFlightCredential
from shared.clouds.deadline import standing_still
from shared.clouds.gate import Gate
from shared.clouds.policies import authorize
from shared.clouds.session import Answer, GuardedTransport


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of sending a request once and was no plain 200: an answer, or an error."""

    response: AsyncHttpResponse | None = None
    error: AzureError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAttempt:
    """Sends a request through the guards and the gate, with its token, once."""

    transport: GuardedTransport
    credential: SingleFlightCredential
    scope: str
    gate: Gate
    on_attempt: Callable[[str], None]

    async def send(self, request: HttpRequest) -> Answer | Attempt | None:
        """Return the answer if it was a 200, else what came of it.

        None, with nothing sent, when no token is at hand. Raises what no repetition would mend: a
        guard's refusal, an identity that was refused.
        """
        for guard in self.transport.guards:
            guard.check(request.method, request.url)
        if not self.credential.at_hand(self.scope):
            return None
        with standing_still():
            await self.gate.take()
        await authorize(request, self.credential, self.scope)
        self.on_attempt(request.url)
        try:
            given = await self.transport.attempt(request)
        except AzureError as error:
            return Attempt(error=error)
        return given if isinstance(given, Answer) else Attempt(given)
