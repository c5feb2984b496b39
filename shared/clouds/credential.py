"""One token for many callers.

azure-identity asks the identity endpoint once per caller: fifty cold callers are fifty requests,
and the endpoint throttles. This wrapper asks once, shares the answer, renews it early in the
background, and forgets a token that a service refused.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncSupportsTokenInfo

from shared.clock import Clock, utc_now
from shared.clouds.errors import IdentityUnavailableError
from shared.clouds.identity import identity_error
from shared.telemetry import get_logger

logger = get_logger(__name__)

Source = Callable[[], AsyncSupportsTokenInfo]

REFRESH_AHEAD_SECONDS: Final = 300.0
RETRY_REFRESH_SECONDS: Final = 30.0
BETWEEN_DROPS_SECONDS: Final = 10.0
BLIND_SECONDS: Final = 60.0
DEADLINE_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Held:
    """A token with the moments that matter, in seconds since the epoch."""

    info: AccessTokenInfo
    usable_until: float
    refresh_at: float

    @classmethod
    def of(cls, info: AccessTokenInfo, now: float) -> Self:
        life = info.expires_on - now
        if life <= 0:
            # Nobody issues a token that has ended: this machine's clock is ahead.
            until = now + BLIND_SECONDS
            return cls(info=info, usable_until=until, refresh_at=until)
        due = info.refresh_on or info.expires_on - min(REFRESH_AHEAD_SECONDS, life * 0.5)
        return cls(
            info=info,
            usable_until=info.expires_on - min(10.0, life * 0.1),
            # One that is due as it comes (clocks differ) must not be renewed for every request.
            refresh_at=max(due, now + min(RETRY_REFRESH_SECONDS, life * 0.5)),
        )


class SingleFlightCredential:
    """Gives azure-core pipelines their tokens; one request per scope however many callers wait.

    `source` makes a fresh azure-identity credential. One is made for each request and closed after
    it, because such a credential would go on answering from its own cache after a `drop`.
    """

    def __init__(self, source: Source, *, clock: Clock = utc_now) -> None:
        self._source = source
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._flights: dict[str, asyncio.Task[_Held]] = {}
        self._dropped_at: dict[str, float] = {}

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        """Return a token for the one scope.

        Raises `IdentityRefusedError` or `IdentityUnavailableError`; every caller that waited for
        the same request gets the same error.
        """
        del options
        (scope,) = scopes
        held = self._held.get(scope)
        now = self._now()
        if held is None or now >= held.usable_until:
            # Shielded: a caller that gives up must not take the token from those who wait.
            return (await asyncio.shield(self._flight(scope))).info
        if now >= held.refresh_at:
            held.refresh_at = now + RETRY_REFRESH_SECONDS
            self._flight(scope)
        return held.info

    def at_hand(self, scope: str) -> bool:
        """Say whether there is a token that is neither at its end nor to be renewed."""
        held = self._held.get(scope)
        return held is not None and self._now() < min(held.usable_until, held.refresh_at)

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 - azure-core
        """Return a token in the older form that some Azure clients ask for."""
        del options
        info = await self.get_token_info(*scopes)
        return AccessToken(info.token, info.expires_on)

    def drop(self, scope: str, refused: str) -> None:
        """Forget a token that a service answered with 401, so that the next call gets a new one.

        Only the token that was refused is forgotten: of fifty callers refused at once, the first
        causes the one new request. A fresh token that is refused again within ten seconds stays,
        because then it is not the token's age that the service minds.
        """
        held = self._held.get(scope)
        if held is None or held.info.token != refused:
            return
        now = self._now()
        if now - self._dropped_at.get(scope, 0.0) >= BETWEEN_DROPS_SECONDS:
            self._dropped_at[scope] = now
            del self._held[scope]

    async def close(self) -> None:
        """Stop what is being fetched and forget every token."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._held.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _now(self) -> float:
        return self._clock().timestamp()

    def _flight(self, scope: str) -> asyncio.Task[_Held]:
        """Return the request under way for this scope, or start one."""
        flight = self._flights.get(scope)
        if flight is None:
            flight = asyncio.create_task(self._fetch(scope), name=f"token for {scope}")
            self._flights[scope] = flight
            flight.add_done_callback(lambda done: self._landed(scope, done))
        return flight

    async def _fetch(self, scope: str) -> _Held:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS), self._source() as credential:
                info = await credential.get_token_info(scope)
        except TimeoutError:
            raise IdentityUnavailableError(
                f"No token came within {DEADLINE_SECONDS:.0f} seconds.",
                remedy="Check that the identity endpoint of this machine answers.",
            ) from None
        except Exception as error:  # noqa: BLE001 - azure-identity raises many kinds; all become ours
            # The cause is cut off: azure-identity's errors hold the whole answer.
            raise identity_error(error) from None
        held = self._held[scope] = _Held.of(info, self._now())
        return held

    def _landed(self, scope: str, flight: asyncio.Task[_Held]) -> None:
        """Make room for the next request; the waiting callers have the outcome already."""
        self._flights.pop(scope, None)
        if not flight.cancelled() and (error := flight.exception()):
            logger.warning("token.failed", scope=scope, reason=str(error))
