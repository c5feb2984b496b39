"""The sandbox of the discovery benchmarks, at 30 ms for each request to a vault."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import httpx

from benchmarks.processes import Child, child

LATENCY_SECONDS: Final = 0.03
START_SECONDS: Final = 120.0
Calls: TypeAlias = Counter[tuple[str, str, tuple[tuple[str, str], ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How much there is: vaults of one subscription and region, and the items of each."""

    vaults: int
    secrets: int = 500
    keys: int = 20
    certificates: int = 20


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox."""

    ready: dict[str, Any]
    ready_file: Path
    process: Child
    http: httpx.Client

    def variables(self) -> dict[str, str]:
        """Return what a service must be told to see it."""
        return {
            "CLOUD": "sandbox",
            "SANDBOX_PORT": str(self.ready["port"]),
            "SANDBOX_CA_FILE": self.ready["ca_file"],
            "AZURE_TENANT_ID": self.ready["tenant_id"],
            "AZURE_CLIENT_ID": self.ready["identities"]["discover"]["client_id"],
            "AZURE_CREDENTIAL": "managed-identity",
            "IDENTITY_ENDPOINT": self.ready["identity_endpoint"],
            "IDENTITY_HEADER": self.ready["identity_header"],
        }

    def forget_calls(self) -> None:
        self.http.delete("log").raise_for_status()

    def vault_calls(self) -> Calls:
        """Return every call to a vault with its status, as often as it was made."""
        answer = self.http.get("log")
        answer.raise_for_status()
        suffix = self.ready["vault_suffix"]
        return Counter(
            (
                f"{entry['method']} {entry['host']}{entry['path']}",
                str(entry["status"]),
                tuple(sorted(parse_qsl(entry["query"]))),
            )
            for entry in answer.json()["entries"]
            if entry["host"].endswith(suffix)
        )


@asynccontextmanager
async def sandbox(folder: Path, world: World) -> AsyncIterator[Sandbox]:
    """Serve the world until the block ends."""
    ready_file = folder / "ready.json"
    sizes = {
        "vaults": world.vaults,
        "secrets": world.secrets,
        "keys": world.keys,
        "certificates": world.certificates,
        "subscriptions": 1,
        "regions": 1,
    }
    argv = ["sandbox", "--profile", "large", "--state", str(folder)]
    argv += ["--ready-file", str(ready_file)]
    argv += [word for name, number in sizes.items() for word in (f"--{name}", str(number))]
    async with child("sandbox", argv, folder) as process:
        async with asyncio.timeout(START_SECONDS):
            while not ready_file.exists():
                process.ensure_alive()
                await asyncio.sleep(0.05)
        ready = json.loads(ready_file.read_text())
        with httpx.Client(base_url=ready["control"], timeout=120, trust_env=False) as http:
            rule = {"host": "vault", "latency_seconds": LATENCY_SECONDS}
            http.post("faults", json=rule).raise_for_status()
            yield Sandbox(ready, ready_file, process, http)
