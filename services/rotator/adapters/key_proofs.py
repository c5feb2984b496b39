"""Requests that prove a resource's key: each reads, changes nothing, and is signed anew.

Azure Storage, "Authorize with Shared Key" and "List Containers"; Cosmos DB REST API, "Access
control on Cosmos DB resources" and "List Databases"; Service Bus and Event Hubs, "Generate a Shared
Access Signature token" and "List queues", "List event hubs"; Azure AI services, "Authenticate
requests" and Computer Vision 3.2, "List Models".
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote, quote_plus, urlencode

from services.rotator.adapters import paths
from shared.clouds import AllowedPaths
from shared.clouds.settings import Plane
from shared.secret_value import SecretValue

_BLOB_VERSION: Final = "2023-11-03"
_COSMOS_VERSION: Final = "2018-12-31"
_BUS_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature is made of: the resource, its address, its rule's name and the time."""

    name: str
    address: str
    rule: str
    at: datetime


Sign = Callable[[Signed, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A request to a plane: its path with the query, and the headers that prove a key.

    `refused` are the status and the code (empty: any) of an answer that does not accept the key.
    """

    plane: Plane
    allowed: AllowedPaths
    path: str
    sign: Sign
    refused: tuple[int, str] = (401, "")

    def headers(self, signed: Signed, key: SecretValue) -> Mapping[str, str]:
        """Return the request's headers. Raises `ValueError` for what is no key at all."""
        return self.sign(signed, key.reveal())


def _storage(signed: Signed, key: str) -> dict[str, str]:
    headers = {"x-ms-date": _date(signed.at), "x-ms-version": _BLOB_VERSION}
    named = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = "GET" + "\n" * 12 + named + f"/{signed.name}/\ncomp:list"
    signature = _hmac(base64.b64decode(key, validate=True), text)
    return headers | {"Authorization": f"SharedKey {signed.name}:{signature}"}


def _cosmos(signed: Signed, key: str) -> dict[str, str]:
    date = _date(signed.at)
    signature = _hmac(base64.b64decode(key, validate=True), f"get\ndbs\n\n{date.lower()}\n\n")
    token = quote(f"type=master&ver=1.0&sig={signature}", safe="")
    return {"x-ms-date": date, "x-ms-version": _COSMOS_VERSION, "Authorization": token}


def _bus(signed: Signed, key: str) -> dict[str, str]:
    scope, end = quote_plus(f"{signed.address}/"), str(int(signed.at.timestamp()) + _BUS_SECONDS)
    signature = _hmac(key.encode(), f"{scope}\n{end}")
    rest = urlencode({"sig": signature, "se": end, "skn": signed.rule})
    return {"Authorization": f"SharedAccessSignature sr={scope}&{rest}"}


def _cognitive(_: Signed, key: str) -> dict[str, str]:
    if not (key.isascii() and key.isalnum()):
        raise ValueError
    return {"Ocp-Apim-Subscription-Key": key}


def _date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


def _hmac(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()


STORAGE: Final = Proof(
    plane="blob",
    allowed=paths.BLOB,
    path="/?comp=list",
    sign=_storage,
    refused=(403, "AuthenticationFailed"),
)
COSMOS: Final = Proof(plane="documents", allowed=paths.DOCUMENTS, path="/dbs", sign=_cosmos)
SERVICE_BUS: Final = Proof(
    plane="bus", allowed=paths.BUS, path="/$Resources/queues?api-version=2021-05", sign=_bus
)
EVENT_HUBS: Final = Proof(
    plane="bus", allowed=paths.BUS, path="/$Resources/eventhubs?api-version=2014-01", sign=_bus
)
COGNITIVE: Final = Proof(
    plane="cognitive", allowed=paths.COGNITIVE, path="/vision/v3.2/models", sign=_cognitive
)
