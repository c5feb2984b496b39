"""Which simulated service answers which host and path."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from sandbox.access_log import AccessLog
from sandbox.arm.service import ResourceManager
from sandbox.control import PREFIX, Control
from sandbox.data_plane.bus import BusNamespaces
from sandbox.data_plane.cognitive import CognitiveServices
from sandbox.data_plane.cosmos import CosmosDB
from sandbox.data_plane.storage import BlobStorage
from sandbox.directory.service import Graph
from sandbox.faults import Faults
from sandbox.front import Front, Handler
from sandbox.identity.entra import Entra
from sandbox.identity.managed import ManagedIdentity
from sandbox.key_vault.service import KeyVault
from sandbox.world import World

Answer = Callable[[Request], Awaitable[Response]]
NamedAnswer = Callable[[Request, str], Awaitable[Response]]


def build(world: World) -> tuple[Front, Front]:
    """Return what answers on the TLS listener and what answers on the plain one."""
    log, faults = AccessLog(), Faults()
    tls = Front(world, log, faults, _by_host(world))
    plain = Front(
        world,
        log,
        faults,
        _by_path(ManagedIdentity(world), Control(world, log, faults)),
        unseen=lambda path: path.startswith(PREFIX),
    )
    return tls, plain


def _by_host(world: World) -> Callable[[Request], Handler | None]:
    hosts = world.names.hosts
    named: dict[str, NamedAnswer] = {
        hosts.vault: KeyVault(world).answer,
        hosts.planes["blob"]: BlobStorage(world).answer,
        hosts.planes["documents"]: CosmosDB(world).answer,
        hosts.planes["bus"]: BusNamespaces(world).answer,
        hosts.planes["cognitive"]: CognitiveServices(world).answer,
    }
    services: dict[str, Answer] = {
        hosts.login: Entra(world).answer,
        hosts.arm: ResourceManager(world).answer,
        hosts.graph: Graph(world).answer,
    }

    def route(request: Request) -> Handler | None:
        host = request.headers.get("host", "").partition(":")[0].lower()
        name, dot, rest = host.partition(".")
        if dot and (answer := named.get(rest)):
            return lambda request: answer(request, name)
        return services.get(host)

    return route


def _by_path(managed: ManagedIdentity, control: Control) -> Callable[[Request], Handler | None]:
    paths: dict[str, Answer] = {
        "/msi/token": managed.app_service,
        "/metadata/identity/oauth2/token": managed.imds,
    }

    def route(request: Request) -> Handler | None:
        if request.url.path.startswith(PREFIX):
            return control.answer
        return paths.get(request.url.path)

    return route
