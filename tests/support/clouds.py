"""A cloud of a few lines on loopback: it answers what a test tells it to and notes what it saw."""

import asyncio
import ssl
import traceback
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from aiohttp import web
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.scanner.adapters import paths
from services.scanner.adapters.entra import EntraDirectory
from services.scanner.adapters.key_vault import KeyVaultReader
from services.scanner.adapters.management import ManagementEstate
from services.scanner.adapters.resource_graph import ResourceGraphEstate
from services.scanner.domain.inventory import Item, VaultRef
from shared.clouds import (
    CloudClient,
    CloudSession,
    CloudSettings,
    Gate,
    Guard,
    HostGuard,
    SingleFlightCredential,
    cloud_settings,
)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
NAMES = (
    "login.sandbox.localhost",
    "arm.sandbox.localhost",
    "graph.sandbox.localhost",
    "*.vault.sandbox.localhost",
)


@dataclass(frozen=True)
class Seen:
    """A request as the server got it."""

    method: str
    host: str
    path: str
    query: str
    token: str
    peer: object
    connection: asyncio.BaseTransport | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class LocalCloud:
    """`answers[path]` are given in turn; the last one stays."""

    settings: CloudSettings
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    seen: list[Seen] = field(default_factory=list)

    def on(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def vault(self, name: str = "kv-1") -> VaultRef:
        uri = f"https://{name}{self.settings.vault_suffix}:{self.settings.port}/"
        return VaultRef(
            resource_id=f"/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}",
            name=name,
            uri=uri,
            subscription_id="s",
            resource_group="g",
            region="westeurope",
            sku="standard",
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        peer = request.transport.get_extra_info("peername") if request.transport else None
        self.seen.append(
            Seen(
                request.method,
                request.url.host or "",
                request.path,
                request.query_string,
                token,
                peer,
                request.transport,
                request.headers,
            )
        )
        answers = self.answers.get(request.path) or [listing()]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return await answer(request)


def note_waits(
    monkeypatch: pytest.MonkeyPatch, and_then: Callable[[float], None] = lambda _: None
) -> list[float]:
    """Note the waits between retries instead of sitting them out; `and_then` hears of each."""
    noted: list[float] = []

    async def sleep(_: object, seconds: float) -> None:
        noted.append(seconds)
        and_then(seconds)

    monkeypatch.setattr("shared.clouds.session.GuardedTransport.sleep", sleep)
    return noted


def says(
    body: object = None, *, status: int = 200, headers: dict[str, str] | None = None
) -> Answer:
    """Answer with this JSON (or these bytes)."""

    async def answer(_: web.Request) -> web.StreamResponse:
        if isinstance(body, bytes):
            return web.Response(body=body, status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return answer


def listing(*rows: object, link: object = None) -> Answer:
    """Answer with a page of a listing."""
    return says({"value": list(rows), "nextLink": link})


async def hangs(request: web.Request) -> web.StreamResponse:
    """Keep the caller waiting until it leaves."""
    await asyncio.Event().wait()
    raise AssertionError(request.path)


async def resets(request: web.Request) -> web.StreamResponse:
    """Cut the connection instead of answering."""
    assert request.transport
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def local_cloud(folder: Path) -> AsyncIterator[LocalCloud]:
    """Serve a `LocalCloud` over TLS, its certificate in `folder`, until the end."""
    certificate, key = make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    application = web.Application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    cloud: LocalCloud | None = None

    async def handle(request: web.Request) -> web.StreamResponse:
        assert cloud
        return await cloud.handle(request)

    application.router.add_route("*", "/{path:.*}", handle)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        cloud = LocalCloud(
            cloud_settings("sandbox", sandbox_port=port, sandbox_ca_file=certificate)
        )
        yield cloud
    finally:
        await runner.cleanup()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the sandbox's names, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local cloud")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in NAMES]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


class Tokens:
    """A source of tokens that counts: `token-canary-1`, `token-canary-2` …"""

    def __init__(
        self, *, life_seconds: float = 3600, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.issued = 0
        self.life_seconds = life_seconds
        self.clock = clock or (lambda: datetime.now(UTC))
        self.wait: Callable[[], Awaitable[object]] | None = None
        self.errors: list[Exception] = []
        self.same: str | None = None
        self.refresh_on: int | None = None

    def __call__(self) -> "Tokens":
        return self

    async def get_token_info(
        self, *_: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        del options
        self.issued += 1
        number = self.issued
        if self.wait:
            await self.wait()
        if self.errors:
            raise self.errors.pop(0)
        expires = int(self.clock().timestamp() + self.life_seconds)
        token = self.same or f"token-canary-{number}"
        return AccessTokenInfo(token, expires, refresh_on=self.refresh_on)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@dataclass
class Adapters:
    """What discovery uses, joined to the local cloud."""

    session: CloudSession
    credential: SingleFlightCredential
    vaults: KeyVaultReader
    directory: EntraDirectory
    resource_graph: ResourceGraphEstate
    management: ManagementEstate
    arm: CloudClient

    def client(
        self,
        *guards: Guard,
        total_seconds: float = 30,
        gate: Gate | None = None,
        on_attempt: Callable[[str], None] = lambda _: None,
    ) -> CloudClient:
        """Return a client of vaults on the shared connections, stopped by these guards alone."""
        return CloudClient(
            self.session.transport(*guards),
            self.credential,
            audience="vault",
            scope=self.session.cloud.vault_scope,
            total_seconds=total_seconds,
            gate=gate,
            on_attempt=on_attempt,
        )

    async def read(self, cloud: LocalCloud, name: str = "kv-1") -> list[Item]:
        return [item async for page in self.vaults.items(cloud.vault(name)) for item in page]


def join_adapters(session: CloudSession, credential: SingleFlightCredential) -> Adapters:
    """Join each adapter to the session, guarded as in the product."""
    settings = session.cloud
    arm = CloudClient(
        session.transport(HostGuard(settings.owns_arm), paths.ARM),
        credential,
        audience="arm",
        scope=settings.arm_scope,
        total_seconds=session.timeouts.total,
    )
    graph = CloudClient(
        session.transport(HostGuard(settings.owns_graph), paths.DIRECTORY),
        credential,
        audience="graph",
        scope=settings.graph_scope,
        total_seconds=session.timeouts.total,
    )
    return Adapters(
        session=session,
        credential=credential,
        vaults=KeyVaultReader(session, credential),
        directory=EntraDirectory(graph, settings.graph),
        resource_graph=ResourceGraphEstate(arm, settings.arm),
        management=ManagementEstate(arm, settings.arm),
        arm=arm,
    )


def holds_no_secret(error: BaseException) -> None:
    """Check that neither the sentence nor anything that hangs on the error holds a token."""
    assert error.__cause__ is None, "azure-core's errors hold the request with its token"
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert "canary" not in text.replace("canary-text", "")
