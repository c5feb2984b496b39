"""What every simulated service needs to read requests and write answers."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

Document = dict[str, Any]
MEDIA_TYPE: Final = "application/json; charset=utf-8"


class RefusedError(Exception):
    """A request that a service answers with an error; the service words the body."""

    def __init__(
        self, status: int, document: Document, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.document = document
        self.headers = dict(headers or {})


def answer(
    document: object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = MEDIA_TYPE,
) -> Response:
    """Return a JSON answer."""
    return Response(
        orjson.dumps(document), status, headers=dict(headers or {}), media_type=media_type
    )


async def body(request: Request) -> Document | None:
    """Return the JSON object in a request's body; None where it is something else."""
    raw = await request.body()
    try:
        document = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def new_id() -> str:
    """Return a fresh GUID, as the services put into their tracing headers."""
    return str(uuid.uuid4())


def seal(marker: str) -> str:
    """Return a paging position as an opaque token."""
    return base64.urlsafe_b64encode(marker.encode()).rstrip(b"=").decode()


def unseal(token: str) -> str | None:
    """Return the position in a paging token; None where this sandbox did not make it."""
    try:
        return base64.b64decode(
            token + "=" * (-len(token) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, ValueError):
        return None


def whole_number(text: str) -> int | None:
    """Return the number that the text is; None where it is not a plain whole number."""
    return int(text) if text.isascii() and text.isdigit() else None
