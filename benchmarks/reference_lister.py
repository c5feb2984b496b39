"""The reference of discovery: a plain client lists the sandbox's vaults, rows seen and not kept.

One connection per vault, its lists in turn. Arguments: ready file, vaults at once, requests a
second. Time and CPU count from the first request, as for a service that runs already.
"""

import asyncio
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop
from aiohttp.abc import AbstractResolver


class Loopback(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        where = {"hostname": host, "host": "127.0.0.1", "port": port, "proto": 0, "flags": 0}
        return [where | {"family": family or socket.AF_INET}]

    async def close(self) -> None: ...


class Lister:
    def __init__(self, ready: dict[str, Any], at_once: int, rate: float) -> None:
        self.ready, self.tls = ready, ssl.create_default_context(cafile=ready["ca_file"])
        self.gate, self.step, self.free = asyncio.Semaphore(at_once), 1 / rate, 0.0
        self.items = self.ends = 0

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=1, ssl=self.tls, resolver=Loopback())
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def token(self, http: aiohttp.ClientSession, audience: str) -> dict[str, str]:
        own = {"client_id": self.ready["identities"]["discover"]["client_id"]}
        query = {"api-version": "2019-08-01", "resource": audience, **own}
        proof = {"X-IDENTITY-HEADER": self.ready["identity_header"]}
        async with http.get(self.ready["identity_endpoint"], params=query, headers=proof) as answer:
            return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}

    async def vaults(self, http: aiohttp.ClientSession) -> list[str]:
        arm = self.ready["arm"]
        url = f"{arm}/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
        body = {"query": "Resources | where type =~ 'microsoft.keyvault/vaults'"}
        async with http.post(url, json=body, headers=await self.token(http, arm)) as answer:
            rows = orjson.loads(await answer.read())["data"]
            return [row["properties"]["vaultUri"].rstrip("/") for row in rows]

    async def read(self, vault: str, token: dict[str, str]) -> None:
        async with self.gate, self.session() as http:
            for kind in ("secrets?", "keys?", "certificates?includePending=true&"):
                url = f"{vault}/{kind}api-version=7.6&maxresults=25"
                while url:
                    now = time.monotonic()
                    self.free = max(self.free, now - 0.2) + self.step
                    await asyncio.sleep(max(0.0, self.free - now))
                    async with http.get(url, headers=token, raise_for_status=True) as given:
                        page = orjson.loads(await given.read())
                    self.items += len(page["value"])
                    self.ends += sum("exp" in row["attributes"] for row in page["value"])
                    url = page["nextLink"]

    async def run(self) -> dict[str, float]:
        began, cpu = time.perf_counter(), time.process_time()
        async with self.session() as http:
            token = await self.token(http, f"https://{self.ready['vault_suffix'][1:]}")
            found = await self.vaults(http)
        await asyncio.gather(*(self.read(vault, token) for vault in found))
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        return {**took, "items": self.items}


if __name__ == "__main__":
    where, at_once, rate = orjson.loads(Path(sys.argv[1]).read_bytes()), *map(int, sys.argv[2:])
    print(orjson.dumps(uvloop.run(Lister(where, at_once, rate).run())).decode())
