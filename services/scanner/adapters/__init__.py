"""The clouds behind the scanner's ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
from services.scanner.adapters.key_vault import KeyVaultReader, Pace, unhurried
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
from shared.clouds import (
    CloudClient,
    CloudSession,
    CloudSettings,
    HostGuard,
    SingleFlightCredential,
    Timeouts,
    make_source,
    open_session,
)

__all__ = ["Clouds", "Pace", "open_clouds"]


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
    pace: Pace = unhurried,
    management_pace: each.Pace = each.unhurried,
    graph_pace: GraphPace = graph_unhurried,
    timeouts: Timeouts | None = None,
    calls: Calls | None = None,
) -> AsyncIterator[Clouds]:
    """Open a cloud for discovery and close its connections at the end.

    Nothing is contacted before the first question. `pace` is awaited before each request to a
    vault, `management_pace` before each read of a subscription from the management API,
    `graph_pace` before each page of the directory, and `calls` counts what is sent to vaults.
    """
    counted = Calls() if calls is None else calls
    async with (
        open_session(cloud, timeouts=timeouts) as session,
        SingleFlightCredential(make_source(session)) as credential,
    ):
        arm, graph = _arm(session, credential), _graph(session, credential)
        queries = GraphQueries(arm, cloud.arm)
        yield Clouds(
            estate=FallbackEstate(
                ResourceGraphEstate(arm, cloud.arm, queries),
                ManagementEstate(arm, cloud.arm, pace=management_pace),
            ),
            vaults=KeyVaultReader(session, credential, pace=pace, calls=counted),
            details=KeyVaultDetails(session, credential, pace=pace, calls=counted),
            directory=EntraDirectory(graph, cloud.graph, pace=graph_pace),
            permissions=AzurePermissionProbes(session, credential, arm=arm, graph=graph),
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


def _graph(session: CloudSession, credential: SingleFlightCredential) -> CloudClient:
    cloud = session.cloud
    return CloudClient(
        session.transport(HostGuard(cloud.owns_graph), paths.DIRECTORY),
        credential,
        audience="graph",
        scope=cloud.graph_scope,
        total_seconds=session.timeouts.total,
    )
