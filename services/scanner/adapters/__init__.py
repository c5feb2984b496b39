"""The clouds behind the scanner's ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver

from services.scanner.adapters import each, paths
from services.scanner.adapters.details import KeyVaultDetails
from services.scanner.adapters.diagnostics import ManagementDiagnostics
from services.scanner.adapters.entra import EntraDirectory, GraphPace
from services.scanner.adapters.entra import unhurried as graph_unhurried
from services.scanner.adapters.grants import (
    FallbackGrants,
    ManagementGrants,
    ResourceGraphGrants,
)
from services.scanner.adapters.graph_queries import GraphQueries
from services.scanner.adapters.key_vault import GateOf, KeyVaultReader, open_gate
from services.scanner.adapters.management import FallbackEstate, ManagementEstate
from services.scanner.adapters.permissions import AzurePermissionProbes
from services.scanner.adapters.resource_graph import ResourceGraphEstate
from services.scanner.domain.calls import Calls
from services.scanner.ports import (
    DetailReader,
    Diagnostics,
    Directory,
    Estate,
    Grants,
    PermissionProbes,
    VaultReader,
)
from shared.clock import Clock, utc_now
from shared.clouds import (
    CloudClient,
    CloudSession,
    CloudSettings,
    Gate,
    HostGuard,
    SingleFlightCredential,
    Timeouts,
    make_source,
    open_session,
)

__all__ = ["Clouds", "GateOf", "open_clouds"]


@dataclass(frozen=True, slots=True)
class Clouds:
    """What the scanner's ports are joined to; without the last two that part stays unknown."""

    estate: Estate
    vaults: VaultReader
    details: DetailReader
    directory: Directory
    permissions: PermissionProbes
    grants: Grants | None = None
    diagnostics: Diagnostics | None = None


@asynccontextmanager
async def open_clouds(
    cloud: CloudSettings,
    *,
    gate: GateOf = open_gate,
    management_pace: each.Pace = each.unhurried,
    graph_pace: GraphPace = graph_unhurried,
    graph_gate: Gate | None = None,
    timeouts: Timeouts | None = None,
    resolver: AbstractResolver | None = None,
    clock: Clock = utc_now,
    calls: Calls | None = None,
) -> AsyncIterator[Clouds]:
    """Open a cloud for discovery and close its connections at the end.

    Nothing is contacted before the first question. `gate` names the gate that the requests to a
    vault pass, `graph_gate` is the one of requests to Graph. `management_pace` is awaited before
    each read of a subscription from the management API, `graph_pace` before each page of the
    directory. `calls` counts what is sent to vaults; `resolver` and `clock` replace the machine's
    own.
    """
    counted = Calls() if calls is None else calls
    async with (
        open_session(cloud, timeouts=timeouts, resolver=resolver) as session,
        SingleFlightCredential(make_source(session), clock=clock) as credential,
    ):
        arm, graph = _arm(session, credential), _graph(session, credential, graph_gate)
        queries = GraphQueries(arm, cloud.arm)
        yield Clouds(
            estate=FallbackEstate(
                ResourceGraphEstate(arm, cloud.arm, queries),
                ManagementEstate(arm, cloud.arm, pace=management_pace),
            ),
            vaults=KeyVaultReader(session, credential, gate=gate, calls=counted),
            details=KeyVaultDetails(session, credential, gate=gate, calls=counted),
            directory=EntraDirectory(graph, cloud.graph, pace=graph_pace),
            permissions=AzurePermissionProbes(session, credential, arm=arm, graph=graph, gate=gate),
            grants=FallbackGrants(
                ResourceGraphGrants(queries),
                ManagementGrants(arm, cloud.arm, pace=management_pace),
            ),
            diagnostics=ManagementDiagnostics(arm, cloud.arm, pace=management_pace),
        )


def _arm(session: CloudSession, credential: SingleFlightCredential) -> CloudClient:
    cloud = session.cloud
    return CloudClient(
        session.transport(HostGuard(cloud.owns_arm), paths.ARM),
        credential,
        audience="arm",
        scope=cloud.arm_scope,
        total_seconds=session.timeouts.total,
    )


def _graph(
    session: CloudSession, credential: SingleFlightCredential, gate: Gate | None
) -> CloudClient:
    cloud = session.cloud
    return CloudClient(
        session.transport(HostGuard(cloud.owns_graph), paths.DIRECTORY),
        credential,
        audience="graph",
        scope=cloud.graph_scope,
        total_seconds=session.timeouts.total,
        gate=gate,
    )
