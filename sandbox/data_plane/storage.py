"""Blob Storage: the account's containers and properties, opened by a shared key.

Azure Storage REST API, "Authorize with Shared Key" (version 2015-02-21 and later), "List
Containers", "Get Blob Service Properties" and "Status and error codes".
"""

import re
from typing import Final
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response

from sandbox.data_plane.signatures import is_near, is_signed, xml
from sandbox.estate.keyed import STORAGE
from sandbox.wire import new_id
from sandbox.world import World

_VERSION: Final = "2025-01-05"
_SHARED_KEY: Final = re.compile(r"SharedKey ([^:]+):(\S+)")
_SIGNED: Final = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type",
    "date", "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
_FAILED: Final = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is"
    " formed correctly including the signature."
)


class BlobStorage:
    """Answers for every storage account. The estate's accounts hold no containers."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request, name: str) -> Response:
        response = self._answer(request, name)
        response.headers["x-ms-request-id"] = new_id()
        response.headers["x-ms-version"] = request.headers.get("x-ms-version", _VERSION)
        return response

    def _answer(self, request: Request, name: str) -> Response:
        now = self._world.clock.time()
        account = self._world.estate.accounts.find(STORAGE.type, name, now)
        if account is None:
            return _refused(404, "ResourceNotFound", "There is no storage account of this name.")
        given = _SHARED_KEY.fullmatch(request.headers.get("authorization", ""))
        if given is None:
            return self._unauthenticated()
        date = request.headers.get("x-ms-date") or request.headers.get("date", "")
        if not is_near(date, now):
            detail = f"Request date header too old: '{date}'"
            return _refused(403, "AuthenticationFailed", _FAILED, detail)
        text = string_to_sign(request, account.name)
        if given[1] != account.name or not is_signed(account.values(), text, given[2]):
            detail = (
                "The MAC signature found in the HTTP request is not the same as any computed"
                f" signature. Server used following string to sign: '{text}'."
            )
            return _refused(403, "AuthenticationFailed", _FAILED, detail)
        return self._read(request, account.name)

    def _unauthenticated(self) -> Response:
        message = (
            "Server failed to authenticate the request. Please refer to the information in the"
            " www-authenticate header."
        )
        response = _refused(401, "NoAuthenticationInformation", message)
        authority = f"{self._world.names.login}/{self._world.estate.tenant_id}/oauth2/authorize"
        response.headers["WWW-Authenticate"] = (
            f"Bearer authorization_uri={authority} resource_id=https://storage.azure.com"
        )
        return response

    def _read(self, request: Request, name: str) -> Response:
        query = request.query_params
        asked = (query.get("restype"), query.get("comp"))
        if request.method != "GET" or request.url.path != "/":
            message = "The sandbox lists containers and shows the service's properties."
            return _refused(405, "UnsupportedHttpVerb", message)
        if asked == (None, "list"):
            found = ET.Element(
                "EnumerationResults", ServiceEndpoint=self._world.names.account("blob", name)
            )
            ET.SubElement(found, "Containers")
            ET.SubElement(found, "NextMarker")
            return xml(found)
        if asked == ("service", "properties"):
            found = ET.Element("StorageServiceProperties")
            ET.SubElement(found, "Cors")
            ET.SubElement(found, "DefaultServiceVersion").text = _VERSION
            return xml(found)
        message = "Value for one of the query parameters specified in the request URI is invalid."
        return _refused(400, "InvalidQueryParameterValue", message)


def string_to_sign(request: Request, account: str) -> str:
    """Return what a shared key signs: the method, headers, and the resource with its query."""
    headers = dict(request.headers)
    if "x-ms-date" in headers:
        headers.pop("date", None)
    if headers.get("content-length") == "0":
        headers["content-length"] = ""
    lines = [request.method, *(headers.get(name, "") for name in _SIGNED)]
    lines += [
        f"{name}:{' '.join(headers[name].split())}"
        for name in sorted(headers)
        if name.startswith("x-ms-")
    ]
    return "\n".join((*lines, f"/{account}{request.scope['raw_path'].decode()}", *_query(request)))


def _query(request: Request) -> list[str]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.url.query, keep_blank_values=True):
        values.setdefault(name.lower(), []).append(value)
    return [f"{name}:{','.join(sorted(values[name]))}" for name in sorted(values)]


def _refused(status: int, code: str, message: str, detail: str = "") -> Response:
    error = ET.Element("Error")
    ET.SubElement(error, "Code").text = code
    ET.SubElement(error, "Message").text = message
    if detail:
        ET.SubElement(error, "AuthenticationErrorDetail").text = detail
    response = xml(error, status)
    response.headers["x-ms-error-code"] = code
    return response
