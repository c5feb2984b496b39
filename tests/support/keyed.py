"""Requests about resources with keys, and requests signed with such keys, as clients sign them."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from tests.support.sandbox import Document, Way

VERSIONS = {
    "Microsoft.Storage/storageAccounts": "2023-05-01",
    "Microsoft.DocumentDB/databaseAccounts": "2024-11-15",
    "Microsoft.ServiceBus/namespaces": "2024-01-01",
    "Microsoft.EventHub/namespaces": "2024-01-01",
    "Microsoft.Cache/redis": "2024-11-01",
    "Microsoft.CognitiveServices/accounts": "2024-10-01",
}
FIRST = {
    "Microsoft.Storage/storageAccounts": ("keyName", "key1", "key2"),
    "Microsoft.DocumentDB/databaseAccounts": ("keyKind", "primary", "secondary"),
    "Microsoft.ServiceBus/namespaces": ("keyType", "PrimaryKey", "SecondaryKey"),
    "Microsoft.EventHub/namespaces": ("keyType", "PrimaryKey", "SecondaryKey"),
    "Microsoft.Cache/redis": ("keyType", "Primary", "Secondary"),
    "Microsoft.CognitiveServices/accounts": ("keyName", "Key1", "Key2"),
}
ROOT = "/authorizationRules/RootManageSharedAccessKey"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the JSON or else the text, and the headers."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.body["error"]["code"])


class Resource:
    """One resource of the estate with its keys, asked by one identity."""

    def __init__(self, way: Way, shown: Document, name: str) -> None:
        self._way = way
        self._identity = name
        self.shown = shown
        self.type = str(shown["type"])
        self.rule = ROOT if shown["rules"] else ""

    async def ask(
        self, method: str, rest: str = "", body: object = None, *, version: str = ""
    ) -> Answer:
        """Send a request for what is below the resource's id."""
        asked = version or VERSIONS[self.type]
        url = f"{self._way.ready['arm']}{self.shown['id']}{rest}?api-version={asked}"
        return await self.follow(method, url, body)

    async def follow(self, method: str, url: str, body: object = None) -> Answer:
        token = await self._way.token("arm", self._identity)
        headers = {"Authorization": f"Bearer {token}"}
        async with self._way.session.request(method, url, json=body, headers=headers) as answer:
            return Answer(answer.status, await answer.json(content_type=None), answer.headers)

    async def keys(self) -> tuple[str, str]:
        """Return the first and the second key."""
        answer = await self.ask("POST", f"{self.rule}/listKeys")
        assert answer.status == 200, answer.body
        return two_keys(answer.body)

    async def regenerate(self, *, second: bool = False) -> Answer:
        """Renew one of the keys."""
        field, first, other = FIRST[self.type]
        verb = "regenerateKeys" if self.rule else "regenerateKey"
        return await self.ask("POST", f"{self.rule}/{verb}", {field: other if second else first})

    async def settled(self, accepted: Answer) -> None:
        """Wait for the end of a change that was accepted and goes on."""
        if accepted.status != 202:
            return
        url = accepted.headers["Azure-AsyncOperation"]
        for _ in range(200):
            if (await self.follow("GET", url)).body["status"] == "Succeeded":
                return
            await asyncio.sleep(0.05)
        raise AssertionError("a change that was accepted does not come to its end")


def two_keys(body: Document) -> tuple[str, str]:
    """Return the two keys in an answer to listing."""
    if "keys" in body:
        return body["keys"][0]["value"], body["keys"][1]["value"]
    first = next(body[n] for n in ("key1", "primaryKey", "primaryMasterKey") if n in body)
    second = next(body[n] for n in ("key2", "secondaryKey", "secondaryMasterKey") if n in body)
    return first, second


def resource(way: Way, type_name: str, name: str = "rotate", *, team: str = "payments") -> Resource:
    """Return a team's resource of a type, asked by an identity."""
    for shown in way.sandbox.at_first["accounts"]:
        if shown["type"] == type_name and shown["tags"]["team"] == team:
            return Resource(way, shown, name)
    raise AssertionError(f"{team} has no {type_name}")


def host_of(shown: Document) -> str:
    """Return the address at which a resource's keys open something, without a closing slash."""
    properties = shown["properties"]
    names = ("documentEndpoint", "serviceBusEndpoint", "endpoint")
    found = properties.get("primaryEndpoints", {}).get("blob") or next(
        properties[name] for name in names if name in properties
    )
    return str(found).rstrip("/")


def hmac_of(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def storage_headers(
    account: str, key: str, query: str, *, at: float | None = None
) -> dict[str, str]:
    """Return the headers of a GET signed with a shared key; the query's names are in order."""
    headers = {"x-ms-date": formatdate(at, usegmt=True), "x-ms-version": "2023-11-03"}
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    asked = "".join(f"\n{part.replace('=', ':')}" for part in query.split("&"))
    text = "GET" + "\n" * 12 + lines + f"/{account}/{asked}"
    signature = hmac_of(base64.b64decode(key), text)
    return headers | {"Authorization": f"SharedKey {account}:{signature}"}


def cosmos_headers(key: str, kind: str = "dbs") -> dict[str, str]:
    """Return the headers of a GET signed with a key of a database account."""
    date = formatdate(usegmt=True)
    signature = hmac_of(base64.b64decode(key), f"get\n{kind}\n\n{date.lower()}\n\n")
    token = quote(f"type=master&ver=1.0&sig={signature}", safe="")
    return {"x-ms-date": date, "x-ms-version": "2018-12-31", "Authorization": token}


def bus_headers(
    host: str, key: str, rule: str = "RootManageSharedAccessKey", *, seconds: int = 60
) -> dict[str, str]:
    """Return the header of a request signed for a whole namespace."""
    expires, scope = str(int(time.time()) + seconds), quote_plus(f"{host}/")
    signature = hmac_of(key.encode(), f"{scope}\n{expires}")
    rest = urlencode({"sig": signature, "se": expires, "skn": rule})
    return {"Authorization": f"SharedAccessSignature sr={scope}&{rest}"}


async def opens(way: Way, shown: Document, key: str) -> bool:
    """Say whether a key opens the resource's data plane, by a request signed with it."""
    host = host_of(shown)
    match shown["type"]:
        case "Microsoft.Storage/storageAccounts":
            path, headers = "/?comp=list", storage_headers(shown["name"], key, "comp=list")
        case "Microsoft.DocumentDB/databaseAccounts":
            path, headers = "/dbs", cosmos_headers(key)
        case "Microsoft.CognitiveServices/accounts":
            path, headers = "/vision/v3.2/models", {"Ocp-Apim-Subscription-Key": key}
        case kind:
            what = "queues" if kind == "Microsoft.ServiceBus/namespaces" else "eventhubs"
            path, headers = f"/$Resources/{what}?api-version=2021-05", bus_headers(host, key)
    async with way.session.get(f"{host}{path}", headers=headers) as answer:
        # Read to its end, or the connection would be torn down after the test's loop is gone.
        text = await answer.text()
        assert answer.status in {200, 401, 403}, text
        return answer.status == 200
