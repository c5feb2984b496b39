"""Following a listing page by page, without being led astray."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, TypeVar

from azure.core.rest import HttpRequest

from shared.clouds.client import CloudClient, parse, unexpected
from shared.clouds.deeds import What
from shared.clouds.errors import ForeignHostError
from shared.clouds.guards import host_of
from shared.clouds.urls import origin

# With the 25 items of a Key Vault's page, two and a half million: no source holds so many.
MOST_PAGES: Final = 100_000

Row = Mapping[str, object]
Turn = Callable[[], Awaitable[None]]
T = TypeVar("T")
Decode = Callable[[bytes], tuple[T, str | None]]


async def at_once() -> None:
    """Wait for nothing before a page."""


async def pages(
    client: CloudClient,
    first: HttpRequest,
    what: What,
    *,
    link: str = "nextLink",
    turn: Turn = at_once,
) -> AsyncIterator[list[Row]]:
    """Yield the rows of each page; `link` is the property that holds the next page's address."""

    def decode(body: bytes) -> tuple[list[Row], str | None]:
        answer = parse(body, what)
        return rows(answer, "value", what), _next(answer, link, what)

    async for page in follow(client, first, what, decode, turn=turn):
        yield page


async def follow(
    client: CloudClient, first: HttpRequest, what: What, decode: Decode[T], *, turn: Turn = at_once
) -> AsyncIterator[T]:
    """Yield each page as `decode` returns it, beside the next page's address (None: the last).

    `turn` is awaited before each page: a budget's place, where no gate keeps it. The headers that
    `first` brings go with each: a next page's address does not stand for them (Microsoft Graph,
    "Paging").

    A next page must be on the host of the first one, none may come twice, and there is an end.
    Raises `UnexpectedAnswerError` or `ForeignHostError` otherwise: a page that cannot be followed
    is never taken for the last.
    """
    # What a policy adds while sending, such as the token, is added to each request anew.
    request, seen, headers = first, {first.url}, dict(first.headers)
    home = origin(first.url)
    while True:
        await turn()
        page, url = decode(await client.fetch(request, what))
        yield page
        if not url:
            return
        if url in seen:
            raise unexpected(what, "its pages go round in a circle")
        if len(seen) >= MOST_PAGES:
            raise unexpected(what, f"it does not end after {MOST_PAGES} pages")
        if origin(url) != home:
            raise ForeignHostError(
                f"A listing of {what} went on at {host_of(url)}, which was not followed: it would"
                " carry a token to another host.",
                remedy="Please report it.",
            )
        seen.add(url)
        request = HttpRequest("GET", url, headers=headers)


def rows(answer: Row, name: str, what: What) -> list[Row]:
    """Return the list of objects with this name in an answer."""
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise unexpected(what, f"its `{name}` is not a list of objects")
    return found


def _next(answer: Row, link: str, what: What) -> str | None:
    url = answer.get(link)
    if url is not None and not isinstance(url, str):
        raise unexpected(what, f"its `{link}` is not an address")
    return url
