"""Lists, a page at a time.

A page holds 25 items at most. The next one's address carries an opaque token and the listener's
port, as the real service writes :443 into it.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson
from starlette.responses import Response

from sandbox.estate.model import NO_TAGS, Item, Kind
from sandbox.key_vault import errors, shapes
from sandbox.key_vault.call import Call
from sandbox.wire import MEDIA_TYPE, Document, answer, seal, unseal, whole_number

PAGE: Final = 25
_PENDING: Final = "includePending"


def items(call: Call, kind: Kind) -> Response:
    """List the current version of every live item; on demand also what is not issued yet."""
    call.require(kind, "list")
    page = (call.vault.name, kind, call.request.scope["query_string"])
    written = call.world.pages.get(page)
    if written is None:
        response = _items(call, kind)
        call.world.pages[page] = bytes(response.body)
        return response
    return Response(written, media_type=MEDIA_TYPE)


def _items(call: Call, kind: Kind) -> Response:
    shelf = call.vault.live[kind]
    live: Mapping[str, Item] = shelf
    names, more = shelf.names(), {}
    if kind == "certificates" and call.request.query_params.get(_PENDING, "") == "true":
        live = {**shelf, **call.vault.awaiting}
        names, more = sorted(live), {_PENDING: "true"}

    def show(item: Item) -> Document:
        return shapes.listed(item, item.current, call.vault, call.address, of_versions=False)

    return _page(call, f"/{kind}", names, lambda name: show(live[name]), more)


def versions(call: Call, kind: Kind, name: str) -> Response:
    """List the versions of one item."""
    call.require(kind, "list", name)
    if kind == "certificates" and name.lower() in call.vault.awaiting:
        return answer({"value": [], "nextLink": None})
    item = call.item(kind, name)
    by_id = {version.id: version for version in item.versions}

    def show(key: str) -> Document:
        return shapes.listed(item, by_id[key], call.vault, call.address, of_versions=True)

    return _page(call, f"/{kind}/{item.name}/versions", sorted(by_id), show)


def deleted(call: Call, kind: Kind) -> Response:
    """List what was deleted and can still be recovered."""
    call.require(kind, "list")
    gone = call.vault.deleted[kind]

    def show(name: str) -> Document:
        item = gone[name]
        listed = shapes.listed(item, item.current, call.vault, call.address, of_versions=False)
        return listed | shapes.deleted(item, call.vault, call.address)

    return _page(call, f"/deleted{kind}", gone.names(), show)


def _page(
    call: Call,
    path: str,
    keys: Sequence[str],
    show: Callable[[str], Document],
    more: Mapping[str, str] = NO_TAGS,
) -> Response:
    """Answer with a page; the next one's address repeats the query's other words, `more`."""
    size = _size(call)
    after = _position(call)
    start = bisect_right(keys, after) if after else 0
    shown = keys[start : start + size]
    following = None
    if start + size < len(keys):
        marker = orjson.dumps({"NextMarker": shown[-1], "TargetLocation": 0}).decode()
        origin = call.world.names.paging_origin(call.vault.name)
        following = (
            f"{origin}{path}?api-version={call.version}&$skiptoken={seal(marker)}&maxresults={size}"
            + "".join(f"&{name}={value}" for name, value in more.items())
        )
    return answer({"value": [show(key) for key in shown], "nextLink": following})


def _size(call: Call) -> int:
    given = call.request.query_params.get("maxresults")
    if given is None:
        return PAGE
    size = whole_number(given)
    if size is None or not 1 <= size <= PAGE:
        raise errors.bad_parameter(
            f"The value of maxresults is {given}. It must be between 1 and {PAGE}."
        )
    return size


def _position(call: Call) -> str:
    """Return the key after which the page begins; empty for the first page."""
    token = call.request.query_params.get("$skiptoken")
    if token is None:
        return ""
    try:
        marker = orjson.loads(unseal(token) or "")
        return str(marker["NextMarker"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise errors.bad_parameter("The value of $skiptoken is not valid.") from None
