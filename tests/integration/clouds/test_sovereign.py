"""Each real cloud's names, scopes and suffixes, answered by the sandbox under those very names."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.clouds import (
    CloudSettings,
    Identity,
    SingleFlightCredential,
    cloud_settings,
    make_source,
    open_session,
)
from shared.secret_value import SecretValue
from tests.support import truth
from tests.support.clouds import join_adapters
from tests.support.sandbox import Sandbox, running_sandbox


class Redirecting(AbstractResolver):
    """Answers a cloud's own names with the sandbox's address and port, and no other name."""

    def __init__(self, cloud: CloudSettings, port: int) -> None:
        self.suffixes = tuple(host.removeprefix("*") for host in cloud.hosts())
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del port, family
        if not host.endswith(self.suffixes):
            raise OSError(f"{host} is not a host of this cloud.")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self.port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None: ...


@pytest.fixture(params=["public", "usgov", "china"])
def sovereign(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Sandbox]]:
    with running_sandbox(tmp_path, "--names", request.param, "--profile", "random") as running:
        yield request.param, running


async def test_discovery_works_under_the_real_names_of_each_cloud(
    sovereign: tuple[str, Sandbox],
) -> None:
    name, running = sovereign
    principal = running.ready["principals"]["discover-sp"]
    identity = Identity(
        source="client-secret",
        client_id=principal["client_id"],
        tenant_id=running.ready["tenant_id"],
        client_secret=SecretValue(principal["client_secret"]),
    )
    cloud = replace(cloud_settings(name, identity=identity), ca_file=Path(running.ready["ca_file"]))

    async with (
        open_session(cloud, resolver=Redirecting(cloud, running.ready["port"])) as session,
        SingleFlightCredential(make_source(session)) as credential,
    ):
        adapters = join_adapters(session, credential)
        ids = [each.id for each in await adapters.resource_graph.subscriptions()]
        vaults = await adapters.resource_graph.vaults(ids)
        assert await adapters.management.vaults(ids)
        assert all(cloud.owns_vault(vault.uri) for vault in vaults)
        closed = truth.unreadable(await asyncio.to_thread(running.control.truth), "discover-sp")
        readable = [vault for vault in vaults if vault.name not in closed]
        items = [page async for page in adapters.vaults.items(readable[0])]
        applications = [list(page) async for page in adapters.directory.listing()]

    assert any(items)
    assert any(applications)
