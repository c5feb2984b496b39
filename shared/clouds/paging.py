"""Following a listing page by page, without being led astray."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from azure.core.rest import HttpRequest

from shared.clouds.client import CloudClient, unexpected
from shared.clouds.errors import ForeignHostError
from shared.clouds.guards import host_of
from shared.clouds.urls import origin

# With the 25 items of a Key Vault's page, two and a half million: no source holds so many.
MOST_PAGES: Final = 100_000

Row = Mapping[str, object]


async def pages(
    client: CloudClient, first: HttpRequest, what: str, *, link: str = "nextLink"
) -> AsyncIterator[list[Row]]:
    """Yield the rows of each page; `link` is the property that holds the next page's address.

    A next page must be on the host of the first one, none may come twice, and there is an end.
    Raises `UnexpectedAnswerError` or `ForeignHostError` otherwise: a page that cannot be followed
    is never taken for the last.
    """
    request, seen = first, {first.url}
    while True:
        answer = await client.read(request, what)
        yield rows(answer, "value", what)
        url = _next(answer, link, what)
        if url is None:
            return
        if url in seen:
            raise unexpected(what, "its pages go round in a circle")
        if len(seen) >= MOST_PAGES:
            raise unexpected(what, f"it does not end after {MOST_PAGES} pages")
        if origin(url) != origin(first.url):
            raise ForeignHostError(
                f"A listing of {what} went on at {host_of(url)}, which was not followed: it would"
                " carry a token to another host.",
                remedy="Please report it.",
            )
        seen.add(url)
        request = HttpRequest("GET", url)


def rows(answer: Row, name: str, what: str) -> list[Row]:
    """Return the list of objects with this name in an answer."""
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise unexpected(what, f"its `{name}` is not a list of objects")
    return found


def _next(answer: Row, link: str, what: str) -> str | None:
    url = answer.get(link)
    if url is None or url == "":
        return None
    if not isinstance(url, str):
        raise unexpected(what, f"its `{link}` is not an address")
    return url
