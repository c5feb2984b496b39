"""One page of a list, with the address of the next (Azure Resource Manager, "Paging")."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from sandbox.wire import Document, answer, seal, unseal, whole_number
from sandbox.world import World

PAGE = 50


def page(
    world: World, request: Request, documents: Sequence[Document], size: int = PAGE
) -> Response:
    """Return the page that the request asks for."""
    query = request.query_params
    size = whole_number(query.get("$top", "")) or size
    start = whole_number(unseal(query.get("$skiptoken", "")) or "") or 0
    end = start + size
    result: Document = {"value": list(documents[start:end])}
    if end < len(documents):
        kept = "&".join(
            f"{quote(name, safe='$')}={quote(value, safe='')}"
            for name, value in query.items()
            if name != "$skiptoken"
        )
        result["nextLink"] = (
            f"{world.names.arm}{request.url.path}?{kept}&$skiptoken={seal(str(end))}"
        )
    return answer(result)
