"""The steps of a request that azure-core does not have in the form needed here."""

import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    AsyncHTTPPolicy,
    AsyncRetryPolicy,
    RequestHistory,
    SansIOHTTPPolicy,
)
from azure.core.rest import HttpRequest

from shared.clouds.credential import SingleFlightCredential
from shared.clouds.retry_after import retry_after

RETRIES: Final = 3
THROTTLED_RETRIES: Final = 4
LONGEST_WAIT_SECONDS: Final = 15.0
_BACKOFF_SECONDS: Final = 0.4
_THROTTLED_SECONDS: Final = 1.0
"""The first wait after a 429 that names none: 1, 2, 4 and 8 s are more than the 10 s in which a
vault's quota is counted, so a listing outlives one whole window (Azure Key Vault throttling
guidance, "How to throttle your app in response to service limits"; service limits)."""
_BEARER: Final = "Bearer "
_WORTH_RETRYING: Final = frozenset({408, 429, 500, 502, 503, 504})


def is_throttled(status: int) -> bool:
    """Say whether an answer asks to slow down."""
    return status == HTTPStatus.TOO_MANY_REQUESTS


class PatientRetryPolicy(AsyncRetryPolicy[Any, Any]):
    """Retries what may pass, and waits as long as it is told to.

    Where nothing is told, the waits double: those of a 429 are never shorter than Azure's guidance,
    those of other failures are short. A wait longer than `LONGEST_WAIT_SECONDS` is not sat out
    here: the answer becomes an error that carries the wait, and whoever holds the work decides.
    Only GET and HEAD are repeated, unless the call says that its method reads too
    (`retry_on_methods`).
    """

    def __init__(self) -> None:
        super().__init__(
            retry_total=THROTTLED_RETRIES,
            retry_connect=RETRIES,
            retry_read=RETRIES,
            retry_status=THROTTLED_RETRIES,
            retry_backoff_factor=_BACKOFF_SECONDS,
            retry_backoff_max=LONGEST_WAIT_SECONDS,
        )
        self._method_whitelist = frozenset({"GET", "HEAD"})

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        answer = response.http_response
        if answer.status_code not in _WORTH_RETRYING:
            return False
        if not is_throttled(answer.status_code) and len(settings["history"]) >= RETRIES:
            return False
        if (self.get_retry_after(response) or 0.0) > LONGEST_WAIT_SECONDS:
            return False
        return answer.request.method in settings["methods"]

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        return retry_after(response.http_response.headers)

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Return a wait that doubles, with jitter, so that many callers do not return at once."""
        history = settings["history"]
        throttled = [was_throttled(attempt) for attempt in history]
        if throttled and throttled[-1]:
            least = _THROTTLED_SECONDS * 2 ** (sum(throttled) - 1)
            return _between(least, least * 1.25)
        steps = max(len(history) - 1, 0)
        longest: float = min(settings["backoff"] * 2**steps, settings["max_backoff"])
        return _between(longest / 2, longest)


def was_throttled(attempt: RequestHistory[Any, Any]) -> bool:
    """Say whether an attempt in a request's history was asked to slow down."""
    return attempt.http_response is not None and is_throttled(attempt.http_response.status_code)


def _between(least: float, most: float) -> float:
    return random.uniform(least, most)  # noqa: S311 - spreads load, protects nothing


class TokenPolicy(AsyncHTTPPolicy[Any, Any]):
    """Sees that a token is at hand before the gate, and replaces one that was refused.

    After a 401 the token is dropped and the request repeated once if there is a new one. A second
    401 is the answer.
    """

    def __init__(self, credential: SingleFlightCredential, scope: str) -> None:
        super().__init__()
        self._credential = credential
        self._scope = scope

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        await self._credential.get_token_info(self._scope)
        response = await self.next.send(request)
        if response.http_response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        refused = request.http_request.headers["Authorization"].removeprefix(_BEARER)
        self._credential.drop(self._scope, refused)
        if (await self._credential.get_token_info(self._scope)).token == refused:
            return response
        return await self.next.send(request)


class BearerPolicy(SansIOHTTPPolicy[Any, Any]):
    """Sends the token at once, without waiting to be asked for it.

    It stands behind the gate: what was refused to others, or ended, while a request waited there is
    not sent any more.
    """

    def __init__(self, credential: SingleFlightCredential, scope: str) -> None:
        super().__init__()
        self._credential = credential
        self._scope = scope

    async def on_request(self, request: PipelineRequest[Any]) -> None:
        await authorize(request.http_request, self._credential, self._scope)


async def authorize(request: HttpRequest, credential: SingleFlightCredential, scope: str) -> None:
    """Put the token of this moment on a request."""
    info = await credential.get_token_info(scope)
    request.headers["Authorization"] = f"{_BEARER}{info.token}"


def nobody_counts(url: str) -> None:
    """Count nothing."""
    del url


class AttemptPolicy(SansIOHTTPPolicy[Any, Any]):
    """Tells of each request that goes out, retries included: it stands after what repeats them."""

    def __init__(self, on_attempt: Callable[[str], None]) -> None:
        super().__init__()
        self._on_attempt = on_attempt

    def on_request(self, request: PipelineRequest[Any]) -> None:
        self._on_attempt(request.http_request.url)
