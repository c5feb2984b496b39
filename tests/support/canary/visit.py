"""A visit to a platform that carries canaries: what was given, and what came back."""

import io
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from yarl import URL

from tests.support.database import Database
from tests.support.platform import Running
from tests.support.sandbox import Sandbox

Document = dict[str, Any]


@dataclass(kw_only=True, repr=False)
class Visit:
    """The platform, whoever is signed in, and everything that the platform answered.

    The client is not the product's own: what that would log is the product's to answer for.
    """

    platform: Running
    sandbox: Sandbox
    database: Database
    http: aiohttp.ClientSession
    log: io.StringIO
    spans: InMemorySpanExporter
    folder: Path
    wal_begin: str
    log_begin: int
    leave: ExitStack
    patch: pytest.MonkeyPatch
    values: dict[str, str] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    scans: int = 0

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        who: str = "",
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Document:
        """Ask for something and keep all of the answer, header by header."""
        status, text, shown = await self._ask(method, path, body, raw, self._headers(who, headers))
        self.answers += [f"{name}: {value}".encode() for name, value in shown.items()] + [text]
        return {"status": status, "text": text.decode("utf-8", "replace")}

    async def once(
        self, method: str, path: str, body: object = None, *, who: str = "", cookie: bool = False
    ) -> Any:
        """Ask for what is shown once: this one answer may hold a secret, and is not kept."""
        sent = self._headers(who, {"sec-fetch-site": "same-origin"} if cookie else None)
        status, text, shown = await self._ask(method, path, body, None, sent)
        assert status in {200, 201}, (path, text)
        return shown["set-cookie"] if cookie else json.loads(text)

    async def sign_in(self, who: str, password: str, **more: str) -> str:
        """Sign somebody in and return the session's token."""
        body = {"username": who, "password": password, **more}
        self.tokens[who] = (await self.once("POST", "/auth/login", body))["access_token"]
        return self.tokens[who]

    def _headers(self, who: str, more: Mapping[str, str] | None) -> dict[str, str]:
        known = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return known | dict(more or {})

    async def _ask(
        self, method: str, path: str, body: object, raw: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        base = "" if path.startswith("//") else "/api/v1"
        url = URL(self.platform.url + base + path.replace("//", "/", 1), encoded=True)
        sent = {"content-type": "application/json"} | dict(headers) if raw is not None else headers
        how: Document = {"data": raw} if raw is not None else {"json": body} if body else {}
        async with self.http.request(method, url, headers=sent, **how) as answer:
            return answer.status, await answer.read(), answer.headers
