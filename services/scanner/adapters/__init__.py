"""The clouds behind the scanner's ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver

from services.scanner.adapters import paths
from services.scanner.adapters.entra import EntraDirectory
from services.scanner.adapters.key_vault import GateOf, KeyVaultReader, open_gate
from services.scanner.adapters.management import FallbackEstate, ManagementEstate
from services.scanner.adapters.resource_graph import ResourceGraphEstate
from services.scanner.ports import Directory, Estate, VaultReader
from shared.clock import Clock, utc_now
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

__all__ = ["Clouds", "GateOf", "open_clouds"]


@dataclass(frozen=True, slots=True)
class Clouds:
    """What the scanner's ports are joined to."""

    estate: Estate
    vaults: VaultReader
    directory: Directory


@asynccontextmanager
async def open_clouds(
    cloud: CloudSettings,
    *,
    gate: GateOf = open_gate,
    timeouts: Timeouts | None = None,
    resolver: AbstractResolver | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Clouds]:
    """Open a cloud for discovery and close its connections at the end.

    Nothing is contacted before the first question. `gate` names the gate that the requests to a
    vault pass; `resolver` and `clock` replace the machine's own.
    """
    async with (
        open_session(cloud, timeouts=timeouts, resolver=resolver) as session,
        SingleFlightCredential(make_source(session), clock=clock) as credential,
    ):
        arm = _arm(session, credential)
        yield Clouds(
            estate=FallbackEstate(
                ResourceGraphEstate(arm, cloud.arm), ManagementEstate(arm, cloud.arm)
            ),
            vaults=KeyVaultReader(session, credential, gate=gate),
            directory=EntraDirectory(_graph(session, credential), cloud.graph),
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
