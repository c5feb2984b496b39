"""The rotator's ports on the simulated world and on the sandbox, for one conformance suite."""

import inspect
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar, cast
from uuid import UUID, uuid4

import pytest

from services.rotator.adapters.key_vault import KeyVault
from services.rotator.domain.marker import Marker, tags_of
from services.rotator.domain.rotation import Place
from services.rotator.domain.version import Version
from services.rotator.ports import UNAPPLIED, Driver, Label, Made, Vault
from shared.clouds import CloudSession
from shared.crypto import DataKey
from shared.errors import TransientError
from shared.events.items import CredentialRef, ItemKind
from shared.secret_value import SecretValue
from tests.support.saga.memory import WorldDriver, WorldVault
from tests.support.saga.world import World
from tests.support.sandbox import Control, Sandbox

T = TypeVar("T")
DELAY: Final = 30.0
"""Longer than a change takes to be known everywhere, in seconds."""
LIFETIME: Final = timedelta(days=90)
END = datetime(2031, 3, 1, 12, 30, 15, tzinfo=UTC)
FINGERPRINTS: Final = DataKey(b"k" * 32)
FOREIGN = {"team": "größe", "owner": "web"}


def drive(running: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the simulated world to its end, past all its checkpoints."""
    while True:
        try:
            running.send(None)
        except StopIteration as end:
            return cast("T", end.value)


class Driven:
    """A port of the simulated world as one that can be awaited."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            return drive(found(*arguments, **named))

        return call


def place(vault_url: str, name: str) -> Place:
    reference = CredentialRef(item_id=1, kind=ItemKind.SECRET, name=name, container="kv")
    return Place(id=uuid4(), vault_url=vault_url, name=name, reference=reference)


def marker(attempt: int = 1) -> Marker:
    return Marker(UUID(int=uuid4().int), attempt)


def made(key_id: str = "key-1", value: str = "canary-value", end: datetime | None = END) -> Made:
    return Made(key_id, SecretValue(value), end)


def label(before: Version | None, made: Made, of: Marker, content_type: str | None = None) -> Label:
    """Return what the saga says of a version that follows another."""
    return Label(
        tags=tags_of(of, made.key_id, before.tags if before else {}), content_type=content_type
    )


def hits(control: Control, number: int) -> int:
    """Return how many requests a fault has met."""
    return next(int(each["hits"]) for each in control.faults() if each["id"] == number)


class VaultRig(Protocol):
    """A vault with a secret whose one version somebody wrote by hand, with tags of theirs."""

    vault: Vault
    place: Place
    first_value: str


class WorldVaultRig:
    """The simulated world's vault."""

    def __init__(self) -> None:
        world = World(overlap=0.0)
        world.put("db", "value of k1", dict(FOREIGN))
        self.vault: Vault = cast("Vault", Driven(WorldVault(world)))
        self.place = place("https://kv.vault.example", "db")
        self.first_value = "value of k1"


class SandboxVaultRig:
    """Azure's own client on the sandbox."""

    def __init__(self, session: CloudSession, vault: KeyVault, control: Control, name: str) -> None:
        self.session = session
        self.vault: Vault = vault
        self.control = control
        self.name = name
        self.url = f"https://{name}{session.cloud.vault_suffix}:{session.cloud.port}/"
        self.first_value = "canary-first"
        self.place = self.new_place()
        self.write(value=self.first_value, tags=FOREIGN)

    def new_place(self) -> Place:
        """Return a place that holds nothing yet."""
        return place(self.url, f"rotated-{uuid4().hex[:12]}")

    def write(self, where: Place | None = None, **item: object) -> None:
        """Change the secret as its owner would."""
        name = (where or self.place).name
        self.control.write(vault=self.name, kind="secret", name=name, **item)

    def fault(self, method: str = "", **rule: object) -> Any:
        """Switch a fault of the requests for the place on."""
        return self.control.fault(path=f"/{self.place.name}", method=method, **rule)


class DriverRig(Protocol):
    """A target with credentials of somebody else's."""

    driver: Driver
    target: str
    foreign: frozenset[str]

    async def make(self, attempt: Marker) -> Made:
        """Make a credential."""
        ...

    async def make_and_lose(self, attempt: Marker) -> None:
        """Make a credential whose maker never hears of it."""
        ...

    async def wait(self) -> None:
        """Let as much time pass as a change takes to be known everywhere."""
        ...


class WorldDriverRig:
    """The simulated world's driver."""

    def __init__(self) -> None:
        self._world = World(overlap=0.0)
        self._port = WorldDriver(self._world)
        self.driver: Driver = cast("Driver", Driven(self._port))
        self.target = "app"
        self.foreign = frozenset(self._world.add(name, born=-1e6) for name in ("deploy", "ci"))

    async def make(self, attempt: Marker) -> Made:
        return await self.driver.make(self.target, attempt, LIFETIME, (), None)

    async def make_and_lose(self, attempt: Marker) -> None:
        making = self._port.make(self.target, attempt, LIFETIME, (), None)
        while not making.send(None).startswith("after"):
            pass
        making.close()

    async def wait(self) -> None:
        self._world.now += DELAY


class SandboxDriverRig:
    """Microsoft Graph and Entra as the sandbox has them, an application that `rotate` owns."""

    def __init__(self, driver: Driver, sandbox: Sandbox) -> None:
        truth = sandbox.at_first
        rotate = truth["identities"]["rotate"]["object_id"]
        application = next(
            each
            for each in truth["applications"]
            if rotate in {owner["id"] for owner in truth["relations"][each["id"]]["owners"]}
        )
        self.driver = driver
        self.control = sandbox.control
        self.object_id = application["id"]
        self.app_id = application["appId"]
        self.target = f"{self.object_id}/{self.app_id}"
        self.foreign: frozenset[str] = frozenset()
        self._passed = 0.0

    async def begin(self) -> None:
        """Note what others have there, and let changes take their time from now on."""
        standing = await self.driver.look(self.target)
        self.foreign = frozenset(standing.key_ids)
        self.control.put("replication", token_seconds=DELAY)

    def end(self) -> None:
        self.control.put("replication")
        self.control.set_clock(0)

    async def make(self, attempt: Marker) -> Made:
        return await self.driver.make(self.target, attempt, LIFETIME, (), None)

    async def make_and_lose(self, attempt: Marker) -> None:
        with (
            self.fault("addPassword", reset=True, after=True),
            pytest.raises(TransientError) as lost,
        ):
            await self.make(attempt)
        assert not isinstance(lost.value, UNAPPLIED), "it was applied"

    async def wait(self) -> None:
        self._passed += DELAY
        self.control.set_clock(self._passed)

    def fault(self, path: str, **rule: object) -> Any:
        """Switch a fault of the application's requests on."""
        return self.control.fault(path=path, **rule)

    def refuse_sign_in(self, status: int, code: int = 0, **rule: object) -> Any:
        """Let Entra refuse tokens with this status, and with a code of its own."""
        words = f"AADSTS{code}: canary-echo" if code else "canary-echo"
        return self.control.fault(path="/oauth2/v2.0/token$", status=status, message=words, **rule)
