"""Asking Azure Resource Graph: many subscriptions in one query, page after page to the end.

Azure grants a user 15 queries in 5 seconds and says in each answer what is left (Resource Graph,
"Guidance for throttled requests").
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

from azure.core.rest import HttpRequest

from shared.clouds import CloudClient, wire
from shared.clouds.client import unexpected
from shared.clouds.paging import rows
from shared.clouds.retry_after import quota_wait

_API: Final = "2022-10-01"
_PAGE: Final = 1000
_SUBSCRIPTIONS_PER_QUERY: Final = 1000
MOST_PAGES: Final = 2_000
Sleep = Callable[[float], Awaitable[object]]


class GraphQueries:
    """Sends queries and keeps to the quota that the answers tell.

    `arm` is the management endpoint, without a slash at its end; `sleep` waits for so many seconds.
    """

    def __init__(self, client: CloudClient, arm: str, *, sleep: Sleep = asyncio.sleep) -> None:
        self._client = client
        self._arm = arm
        self._sleep = sleep
        self._wait = 0.0

    async def rows(
        self, query: str, subscription_ids: Sequence[str], what: str, **options: object
    ) -> AsyncIterator[list[wire.Row]]:
        """Yield the pages of a query over these subscriptions, of each thousand after the other.

        Raises `UnexpectedAnswerError` for a listing that was cut off, goes round in a circle or
        does not end: what would be left out of it would count as deleted.
        """
        for start in range(0, len(subscription_ids), _SUBSCRIPTIONS_PER_QUERY):
            chosen = list(subscription_ids[start : start + _SUBSCRIPTIONS_PER_QUERY])
            body = {"subscriptions": chosen, "query": query}
            async for page in self._pages(body, what, options):
                yield page

    async def _pages(
        self, body: Mapping[str, object], what: str, options: Mapping[str, object]
    ) -> AsyncIterator[list[wire.Row]]:
        token, seen, count = None, set[str](), 0
        while True:
            answer = await self._ask(body, what, options, token)
            page = rows(answer, "data", what)
            count += len(page)
            yield page
            token = wire.optional(answer, "$skipToken", str, what)
            if not token:
                _ensure_whole(answer, count, what)
                return
            if token in seen:
                raise unexpected(what, "its pages go round in a circle")
            if len(seen) >= MOST_PAGES:
                raise unexpected(what, f"it does not end after {MOST_PAGES} pages")
            seen.add(token)

    async def _ask(
        self,
        body: Mapping[str, object],
        what: str,
        options: Mapping[str, object],
        token: str | None,
    ) -> wire.Row:
        if self._wait > 0:
            await self._sleep(self._wait)
        asked = {"$top": _PAGE, "resultFormat": "objectArray", **options}
        request = HttpRequest(
            "POST",
            f"{self._arm}/providers/Microsoft.ResourceGraph/resources",
            params={"api-version": _API},
            json={**body, "options": {**asked, "$skipToken": token} if token else asked},
        )
        answer, headers = await self._client.read_with_headers(request, what)
        self._wait = quota_wait(headers)
        return answer


def _ensure_whole(answer: wire.Row, count: int, what: str) -> None:
    """Refuse a listing that was cut off."""
    if str(answer.get("resultTruncated")).lower() == "true":
        raise unexpected(what, "it was cut off without a way to go on")
    total = answer.get("totalRecords")
    if isinstance(total, int) and count < total:
        raise unexpected(what, "it ended before its last row")
