"""The simulated cloud as a process of its own, and the way to it for the unmodified SDKs.

`sandbox` serves the estate `demo` and `random_sandbox` the estate `random` to a whole run of tests:
what a test switches on there, it switches off again.
"""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential, ManagedIdentityCredential

START_SECONDS = 60
STOP_SECONDS = 10
NO_CONTENT = 204
Document = dict[str, Any]


class Control:
    """The sandbox's control endpoint."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def truth(self) -> Document:
        """Return everything that the sandbox holds, without values."""
        return self._answer("GET", "truth")

    def vault(self, name: str) -> Document:
        """Return what one vault holds now."""
        return self._answer("GET", f"truth/{name}")

    def log(self, **wanted: object) -> list[Document]:
        """Return the requests that were answered, those with these fields only."""
        entries: list[Document] = self._answer("GET", "log")["entries"]
        return [e for e in entries if all(e[name] == value for name, value in wanted.items())]

    def clear_log(self) -> None:
        self._answer("DELETE", "log")

    def faults(self) -> list[Document]:
        found: list[Document] = self._answer("GET", "faults")["faults"]
        return found

    def add_fault(self, **rule: object) -> int:
        """Switch a fault on and return its number."""
        number: int = self._answer("POST", "faults", rule)["id"]
        return number

    def clear_faults(self) -> None:
        self._answer("DELETE", "faults")

    def change(self, what: str, **setting: object) -> Document:
        """Change a vault (`vaults`) or an identity (`identity`) and return how it stands."""
        return self._answer("POST", what, setting)

    def put(self, what: str, **setting: object) -> Document:
        """Set something anew and return how it stands."""
        return self._answer("PUT", what, setting)

    @contextmanager
    def replication(self, *, token_seconds: float = 0, stale_reads: int = 0) -> Iterator[None]:
        """Let changes of credentials take so long to be known everywhere."""
        self.put("replication", token_seconds=token_seconds, stale_reads=stale_reads)
        try:
            yield
        finally:
            self.put("replication")

    @contextmanager
    def app_policy(self, application: str | None = None, **policy: object) -> Iterator[Document]:
        """Put an app management policy in force: an application's own, or the tenant's."""
        try:
            yield self.put("app-policy", application=application, **policy)
        finally:
            self.put("app-policy", application=application, enabled=None)

    @contextmanager
    def graph_roles(self, identity: str, *roles: str) -> Iterator[None]:
        """Give an identity other permissions of Microsoft Graph in its new tokens."""
        before = self.put("graph-roles", identity=identity, roles=roles)["before"]
        try:
            yield
        finally:
            self.put("graph-roles", identity=identity, roles=before)

    def set_clock(self, offset_seconds: float) -> None:
        self._answer("PUT", "clock", {"offset_seconds": offset_seconds})

    def limit(self, **quotas: float) -> None:
        """Set the quotas of Key Vault."""
        self._answer("PUT", "quotas", quotas)

    def clear_counters(self) -> None:
        """Let the quotas and their counters begin anew."""
        self._answer("DELETE", "counters")

    def counters(self) -> list[Document]:
        """Return the requests to vaults for each second, subscription and region."""
        found: list[Document] = self._answer("GET", "counters")["counters"]
        return found

    @contextmanager
    def fault(self, **rule: object) -> Iterator[int]:
        """Switch a fault on, and off again at the end."""
        number = self.add_fault(**rule)
        try:
            yield number
        finally:
            self._answer("DELETE", f"faults/{number}")

    def set_graph_quota(self, **quota: object) -> None:
        """Let Microsoft Graph count resource units; without a number, not any more."""
        self._answer("PUT", "graph-quota", quota)

    @contextmanager
    def moved_clock(self, seconds: float) -> Iterator[None]:
        """Move the sandbox's time, and back again at the end."""
        self._answer("PUT", "clock", {"offset_seconds": seconds})
        try:
            yield
        finally:
            self._answer("PUT", "clock", {"offset_seconds": 0})

    @contextmanager
    def token_seconds(self, seconds: int) -> Iterator[None]:
        """Let new tokens live so long only."""
        self._answer("POST", "identity", {"token_seconds": seconds})
        try:
            yield
        finally:
            self._answer("POST", "identity", {"token_seconds": None})

    def revoke(self, identity: str | None = None) -> None:
        self._answer("POST", "identity", {"revoke": identity or True})

    @contextmanager
    def member_of(self, identity: str, *groups: str) -> Iterator[None]:
        """Put an identity into groups, and out of them at the end."""
        self._answer("PUT", "memberships", {"identity": identity, "groups": groups})
        try:
            yield
        finally:
            self._answer("PUT", "memberships", {"identity": identity, "groups": []})

    def write(self, **item: object) -> Document:
        """Change an item as its owner would."""
        return self._answer("POST", "items", item)

    def refusal(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Return status and sentence of a request that the endpoint does not take."""
        answer = self.http.request(method, path, json=body)
        return answer.status_code, answer.json()["error"]

    def close(self) -> None:
        self.http.close()

    def _answer(self, method: str, path: str, body: object = None) -> Document:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        document: Document = answer.json()
        return document


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: what its ready file says, and its control endpoint."""

    ready: Document
    control: Control
    process: subprocess.Popen[bytes]

    @cached_property
    def at_first(self) -> Document:
        """What the sandbox held when a test first asked."""
        return self.control.truth()

    def vault(self, choose: Callable[[Document], bool]) -> Document:
        """Return the first vault that the choice held for at first, as it is now."""
        vaults: list[Document] = self.at_first["vaults"]
        return self.control.vault(next(vault["name"] for vault in vaults if choose(vault)))

    def url(self, vault: Mapping[str, Any]) -> str:
        """Return a vault's address without a closing slash."""
        return str(vault["properties"]["vaultUri"]).rstrip("/")


def arguments(folder: Path, *more: str) -> list[str]:
    """Return a command line that keeps everything in this folder."""
    ready = folder / "ready.json"
    return [
        *(sys.executable, "-m", "sandbox"),
        *more,
        "--state",
        str(folder),
        "--ready-file",
        str(ready),
    ]


@contextmanager
def running_sandbox(folder: Path, *more: str) -> Iterator[Sandbox]:
    """Start a sandbox and stop it at the end; `more` are arguments of its command line."""
    process = subprocess.Popen(arguments(folder, *more))
    try:
        ready = read_ready(folder / "ready.json", process)
        with closing(Control(ready["control"])) as control:
            yield Sandbox(ready, control, process)
    finally:
        stop(process)


def read_ready(file: Path, process: subprocess.Popen[bytes]) -> Document:
    """Return what the ready file says once it is there."""
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        assert process.poll() is None, f"the sandbox ended with status {process.returncode}"
        assert time.monotonic() < deadline, f"not ready within {START_SECONDS} s"
        time.sleep(0.02)
    document: Document = json.loads(file.read_text())
    return document


def stop(process: subprocess.Popen[bytes]) -> int:
    """Stop the sandbox as its supervisor would and return its exit status."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    finally:
        process.kill()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve the estate `demo`."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="session")
def random_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve the estate `random`."""
    with running_sandbox(tmp_path_factory.mktemp("random"), "--profile", "random") as running:
        yield running


class LoopbackResolver(AbstractResolver):
    """Finds the sandbox's hosts on this machine, and nothing else anywhere."""

    def __init__(self, *suffixes: str, port: int | None = None) -> None:
        self._suffixes = suffixes or (".sandbox.localhost",)
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        if not host.endswith(self._suffixes):
            raise OSError(f"{host} is outside the sandbox")
        found = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=self._port or port,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [found]

    async def close(self) -> None:
        """Nothing is held."""


class Way:
    """The way to a sandbox for Azure's SDKs: transports, credentials and plain requests."""

    def __init__(
        self, sandbox: Sandbox, session: aiohttp.ClientSession, tls: ssl.SSLContext
    ) -> None:
        self.sandbox = sandbox
        self.ready = sandbox.ready
        self.session = session
        self.tls = tls

    def transport(self) -> AioHttpTransport:
        """Return a transport that trusts the sandbox's authority and finds its hosts."""
        return AioHttpTransport(session=self.session, session_owner=False)

    def identity(self, name: str = "discover") -> ManagedIdentityCredential:
        """Return a managed identity's credential; the environment must lead to the endpoint."""
        client_id = self.ready["identities"][name]["client_id"]
        return ManagedIdentityCredential(client_id=client_id, transport=self.transport())

    def service_principal(self, **changed: Any) -> ClientSecretCredential:
        """Return the service principal's credential, or one with something else in it."""
        given = {"tenant_id": self.ready["tenant_id"]} | self.ready["principals"]["discover-sp"]
        return ClientSecretCredential(
            **(given | changed),
            authority=self.ready["login"],
            disable_instance_discovery=True,
            transport=self.transport(),
        )

    def scope(self, service: str) -> str:
        """Return the scope of a service's tokens."""
        return f"{self._audience(service)}/.default"

    async def token(self, service: str, name: str = "discover") -> str:
        """Return an access token from the App Service endpoint."""
        query = {
            "api-version": "2019-08-01",
            "resource": self._audience(service),
            "client_id": self.ready["identities"][name]["client_id"],
        }
        header = {"X-IDENTITY-HEADER": self.ready["identity_header"]}
        endpoint = self.ready["identity_endpoint"]
        async with self.session.get(endpoint, params=query, headers=header) as answer:
            assert answer.status == 200, await answer.text()
            token: str = (await answer.json())["access_token"]
            return token

    async def get(
        self, url: str, token: str = "", **headers: str
    ) -> tuple[int, Document, Mapping[str, str]]:
        """Return status, JSON and headers of a plain request."""
        sent = headers | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.session.get(url, headers=sent) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def send(
        self, method: str, url: str, token: str, body: object = None, **headers: str
    ) -> tuple[int, Document, Mapping[str, str]]:
        """Return status, JSON and headers of a request with a body; of no content, nothing."""
        sent = headers | {"Authorization": f"Bearer {token}"}
        async with self.session.request(method, url, json=body, headers=sent) as answer:
            found = await answer.json(content_type=None) if answer.status != NO_CONTENT else {}
            return answer.status, found, answer.headers

    def _audience(self, service: str) -> str:
        if service == "vault":
            return f"https://{self.ready['vault_suffix'].removeprefix('.')}"
        return str(self.ready[service])


@asynccontextmanager
async def way_to(sandbox: Sandbox, *suffixes: str) -> AsyncIterator[Way]:
    """Open connections to the sandbox and close them at the end.

    With suffixes, names that end so are found at the sandbox's port, whatever port they name.
    """
    tls = ssl.create_default_context(cafile=sandbox.ready["ca_file"])
    resolver = LoopbackResolver(*suffixes, port=sandbox.ready["port"] if suffixes else None)
    connector = aiohttp.TCPConnector(ssl=tls, resolver=resolver)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield Way(sandbox, session, tls)
