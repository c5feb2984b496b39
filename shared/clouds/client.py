"""Asking one part of a cloud, and getting parsed JSON or an error that a person understands."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import uuid4

import orjson
from azure.core import AsyncPipelineClient
from azure.core.pipeline import policies
from azure.core.rest import AsyncHttpResponse, HttpRequest

from shared.clouds.attempt import FirstAttempt
from shared.clouds.credential import SingleFlightCredential
from shared.clouds.deadline import deadline
from shared.clouds.deeds import What, deed
from shared.clouds.errors import CloudError, UnexpectedAnswerError
from shared.clouds.failures import FAILURES, failure
from shared.clouds.gate import Gate, GatePolicy, OpenGate
from shared.clouds.guards import GuardPolicy, host_of
from shared.clouds.policies import (
    AttemptPolicy,
    BearerPolicy,
    PatientRetryPolicy,
    TokenPolicy,
    nobody_counts,
)
from shared.clouds.refusals import refusal
from shared.clouds.retry_after import answered_at, retry_after
from shared.clouds.session import Answer, GuardedTransport

Audience = Literal["vault", "arm", "graph"]
USER_AGENT: Final = policies.UserAgentPolicy(base_user_agent="certifyclouds").user_agent


class CloudClient:
    """Sends requests with one audience's token over one transport, each through the gate.

    Raises nothing but the errors of `shared.clouds.errors`. Redirects are not followed: an answer
    that points elsewhere is an unexpected one. `on_attempt` is called with the address of each
    request that is really sent, retries included.
    """

    def __init__(
        self,
        transport: GuardedTransport,
        credential: SingleFlightCredential,
        *,
        audience: Audience,
        scope: str,
        total_seconds: float,
        on_attempt: Callable[[str], None] = nobody_counts,
        gate: Gate | None = None,
    ) -> None:
        self._audience: Audience = audience
        self._total_seconds = total_seconds
        gate = gate or OpenGate()
        self._first = FirstAttempt(
            transport=transport,
            credential=credential,
            scope=scope,
            gate=gate,
            on_attempt=on_attempt,
        )
        self._client: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
            base_url="",
            transport=transport,
            policies=[
                GuardPolicy(transport.guards),
                PatientRetryPolicy(),
                TokenPolicy(credential, scope),
                GatePolicy(gate),
                BearerPolicy(credential, scope),
                AttemptPolicy(on_attempt),
            ],
        )

    async def read(self, request: HttpRequest, what: What) -> Mapping[str, object]:
        """Return the JSON object that answers a request; see `fetch`."""
        return parse(await self.fetch(request, what), what)

    async def fetch(self, request: HttpRequest, what: What) -> bytes:
        """Return what answers a request which only reads, and so may be repeated.

        `what` is what is asked for by it, for the error's sentence.
        """
        return (await self._answer(request, what)).body

    async def read_with_headers(
        self, request: HttpRequest, what: What
    ) -> tuple[Mapping[str, object], Mapping[str, str]]:
        """Return the JSON object that answers such a request, and the answer's headers."""
        answer = await self._answer(request, what)
        return parse(answer.body, what), answer.headers

    async def change(self, request: HttpRequest, what: What, *, seconds: float) -> Answer:
        """Send a request that changes something, and return whatever answers it within `seconds`.

        It is sent once: only a 401, which says that nothing was done, is followed by another try
        with a new token. Raises what came between; the change may have been made then.
        """
        return await self._send(request, what, seconds, retry_total=0)

    def refused(self, answer: Answer, what: What) -> CloudError:
        """Return the error that an answer other than success means."""
        return refusal(
            what,
            self._audience,
            answer.status,
            answer.body,
            retry_after(answer.headers),
            answered_at(answer.headers),
        )

    async def _answer(self, request: HttpRequest, what: What) -> Answer:
        methods = frozenset({request.method})
        answer = await self._send(request, what, self._total_seconds, retry_on_methods=methods)
        if answer.status != HTTPStatus.OK:
            raise self.refused(answer, what)
        return answer

    async def _send(
        self,
        request: HttpRequest,
        what: What,
        seconds: float,
        **repeating: Any,  # noqa: ANN401 - azure-core's options
    ) -> Answer:
        request.headers["User-Agent"] = USER_AGENT
        request.headers["x-ms-client-request-id"] = str(uuid4())
        try:
            async with deadline(seconds):
                first = await self._first.send(request)
                if isinstance(first, Answer):
                    return first
                response: AsyncHttpResponse = await self._client.send_request(
                    request, first=first, **repeating
                )
                return Answer(response.status_code, response.content, response.headers)
        except FAILURES as error:
            failed = failure(what, host_of(request.url), error)
        # Raised out here nothing hangs on it: azure-core's errors hold the request with its token.
        raise failed


def get(url: str, **query: str) -> HttpRequest:
    """Return a GET request; the query is encoded and added to the address."""
    # azure-core would leave it as it is; `$`, `,` and `()` are OData's own.
    encoded = {name: quote(value, safe="$,()") for name, value in query.items()}
    return HttpRequest("GET", url, params=encoded or None)


def parse(body: bytes, what: What) -> Mapping[str, object]:
    """Return the JSON object in an answer."""
    with suppress(orjson.JSONDecodeError):
        answer = orjson.loads(body)
        if isinstance(answer, dict):
            return answer
        raise unexpected(what, "it is not a JSON object")
    # Raised out here nothing hangs on it: the parser's error holds the whole answer.
    raise unexpected(what, "it is not JSON")


def unexpected(what: What, why: str) -> UnexpectedAnswerError:
    """Return the error for an answer that cannot be understood; `why` is a clause about it."""
    return UnexpectedAnswerError(
        f"The answer to a request to {deed(what).to_do} cannot be understood: {why}.",
        remedy="Check that nothing between here and Azure changes answers (a proxy). If not, please"
        " report it.",
    )
