"""Resources with two keys behind the rotator's driver: the simulated world's and the sandbox's."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

import pytest

from services.rotator.ports import UNAPPLIED, Driver, Made
from shared.errors import TransientError
from shared.keyed_resources import KEYED_TYPES, KeyedResource
from tests.support.keyed import ROOT, Resource, resource
from tests.support.rotation import LIFETIME, Driven, marker
from tests.support.saga.two_keys import TwoKeyDriver, TwoKeyWorld, two_key_scene
from tests.support.sandbox import Control, Way

TYPES: Final = {
    "storage_key": "Microsoft.Storage/storageAccounts",
    "cosmos_key": "Microsoft.DocumentDB/databaseAccounts",
    "service_bus_key": "Microsoft.ServiceBus/namespaces",
    "event_hubs_key": "Microsoft.EventHub/namespaces",
    "cognitive_key": "Microsoft.CognitiveServices/accounts",
}
KINDS: Final = sorted(row.kind for row in KEYED_TYPES.values())


class TwoKeyRig(Protocol):
    """A target with two keys, of which the first is in use."""

    driver: Driver
    target: str

    async def values(self) -> tuple[str, str]:
        """Return what both keys are, the one in use first."""
        ...

    async def make_and_lose(self, before: Sequence[str], in_use: str) -> None:
        """Renew the other key, of which whoever did it never hears."""
        ...

    async def wait(self) -> None:
        """Let as much time pass as a renewal takes to be known everywhere."""
        ...


class WorldTwoKeyRig:
    """The simulated world's driver."""

    def __init__(self) -> None:
        world = two_key_scene().world
        assert isinstance(world, TwoKeyWorld)
        self._world = world
        self._port = TwoKeyDriver(world)
        self.driver: Driver = cast("Driver", Driven(self._port))
        self.target = "resource"

    async def values(self) -> tuple[str, str]:
        first, second = self._world.stands.values()
        return f"value of {first}", f"value of {second}"

    async def make_and_lose(self, before: Sequence[str], in_use: str) -> None:
        making = self._port.make(self.target, marker(), LIFETIME, before, in_use)
        while making.send(None) != "after make":
            pass
        making.close()

    async def wait(self) -> None:
        self._world.now += 30.0


class SandboxTwoKeyRig:
    """A resource of the sandbox whose keys `rotate` may renew."""

    def __init__(self, driver: Driver, way: Way, kind: str, team: str = "payments") -> None:
        self.driver = driver
        self.control: Control = way.sandbox.control
        self.control.clear_counters()
        self.kind = kind
        self.resource: Resource = resource(way, TYPES[kind], team=team)
        found = KeyedResource.parse(f"{self.resource.shown['id']}{self.resource.rule and ROOT}")
        assert found is not None
        self.parsed = found
        self.target = str(found)

    async def values(self) -> tuple[str, str]:
        return await self.resource.keys()

    async def make_and_lose(self, before: Sequence[str], in_use: str) -> None:
        with (
            self.fault("regenerate", reset=True, after=True),
            pytest.raises(TransientError) as lost,
        ):
            await self.driver.make(self.target, marker(), LIFETIME, before, in_use)
        assert not isinstance(lost.value, UNAPPLIED), "it was applied"

    async def wait(self) -> None:
        await self.resource.ask("GET")

    def fault(self, path: str, **rule: object) -> Any:
        """Switch a fault of requests about the resource on."""
        return self.control.fault(path=f"(?i){self.parsed.name}.*{path}", **rule)

    def fault_of_use(self, **rule: object) -> Any:
        """Switch a fault of requests that use the keys on."""
        return self.control.fault(host=f"^{self.parsed.name}\\.", **rule)


async def ids(rig: TwoKeyRig) -> tuple[str, str]:
    """Return the ids of both keys, that of the one in use first."""
    first, second = (await rig.driver.look(rig.target)).key_ids
    return first, second


async def renewed(rig: TwoKeyRig) -> Made:
    """Renew the key that is not in use."""
    before = await ids(rig)
    return await rig.driver.make(rig.target, marker(), LIFETIME, before, before[0])


async def recovered(rig: TwoKeyRig, before: Sequence[str]) -> Made:
    """Return what was renewed; a change that was accepted goes on for a moment."""
    for _ in range(100):
        found = await rig.driver.recover(rig.target, before, before[0])
        if found is not None:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was renewed")
