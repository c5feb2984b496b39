"""What the services' signatures have in common: HMAC-SHA256 with a key, and a date that is near."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final
from xml.etree import ElementTree as ET

from starlette.responses import Response

_NEAR_SECONDS: Final = 900


def signature(key: str, text: str) -> str:
    """Return the signature of a text with a key in base64, in base64."""
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def is_signed(keys: Iterable[str], text: str, given: str) -> bool:
    """Say whether one of the keys gives this signature of the text."""
    return any(hmac.compare_digest(signature(key, text).encode(), given.encode()) for key in keys)


def is_near(date: str, now: float) -> bool:
    """Say whether an HTTP date (RFC 9110) is no more than a quarter of an hour from now."""
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return False
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return abs(at.timestamp() - now) <= _NEAR_SECONDS


def xml(element: ET.Element, status: int = 200) -> Response:
    """Return an XML answer."""
    written: bytes = ET.tostring(element, encoding="utf-8", xml_declaration=True)
    return Response(written, status, media_type="application/xml")
