"""Azure resources with two keys: the one that is not in use is renewed, then published.

A key's id is `<slot>:<fingerprint>`, the first 16 hexadecimal digits of an HMAC-SHA256 of its value
under the installation's key: so an id names the value and not only the slot, and nobody can try
values out against it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from services.rotator.adapters import paths
from services.rotator.adapters.connected import Connected
from services.rotator.adapters.data_plane import DataPlane
from services.rotator.adapters.key_rows import KeyRow
from services.rotator.adapters.resource_keys import Keys, ResourceKeys
from services.rotator.domain.application import TargetError
from services.rotator.domain.marker import Marker
from services.rotator.domain.slots import unknown
from services.rotator.domain.standing import Capabilities, Held, Standing, slot_of
from services.rotator.ports import Made, Tested
from shared.clouds import wire
from shared.clouds.deadline import deadline
from shared.clouds.deeds import READ, RENEW, Deed, Verb
from shared.clouds.errors import RejectedError, TimedOutError, UnavailableError
from shared.keyed_resources import KeyedResource
from shared.secret_value import SecretValue

FINGERPRINT_DIGITS: Final = 16
_USE: Final = Verb("use", "using", "used")


class TwoKeys:
    """Implements `ports.Driver` for one type. A target is a `KeyedResource` as text."""

    def __init__(self, connected: Connected, row: KeyRow) -> None:
        self.capabilities: Final = Capabilities(
            recoverable=True, additive=False, tests_before_publishing=True
        )
        self._row = row
        self._keys = ResourceKeys(connected, row)
        self._plane = DataPlane(connected)
        self._fingerprints = connected.fingerprints

    async def look(self, target: str) -> Standing:
        """Return both keys, and whether the resource lets them be proven."""
        resource = self._resource(target)
        keys = await self._keys.list(resource)
        return Standing(
            credentials=tuple(Held(each, None, None, slot_of(each)) for each in self._ids(keys)),
            refusal=await self._refusal(resource),
            warnings=self._row.warnings,
        )

    async def make(
        self,
        target: str,
        marker: Marker,
        lifetime: timedelta,
        before: Sequence[str],
        in_use: str | None,
    ) -> Made:
        """Renew the key that is not in use, unless it was renewed since `before`.

        A worker that had been given up may have come first: then what it made is taken. Resource
        Manager has no conditional renewal, so both requests share one deadline.
        """
        del marker, lifetime
        resource = self._resource(target)
        slot = self._other(in_use)
        async with self._in_time(resource, RENEW):
            keys = await self._keys.list(resource)
            if in_use not in self._ids(keys):
                raise RejectedError(unknown(in_use))
            if self._id(slot, keys) not in before:
                return self._made(slot, keys)
            await self._keys.renew(resource, slot)
            keys = await self._keys.list(resource)
        if self._id(slot, keys) in before:
            raise UnavailableError(
                f"“{slot}” of “{resource.name}” was renewed, and the former key is still listed.",
                remedy="It is looked at again later.",
            )
        return self._made(slot, keys)

    async def recover(self, target: str, before: Sequence[str], in_use: str | None) -> Made | None:
        """Return the key beside the one in use, if it is another one than before."""
        keys = await self._keys.list(self._resource(target))
        slot = self._other(in_use)
        return None if self._id(slot, keys) in before else self._made(slot, keys)

    async def identify(self, target: str, value: SecretValue) -> str | None:
        keys = await self._keys.list(self._resource(target))
        wanted = self._fingerprint(value)
        return next((each for each in self._ids(keys) if each.endswith(f":{wanted}")), None)

    async def test(self, target: str, made: Made) -> Tested:
        resource = self._resource(target)
        asked = self._keys.deed("a key", _USE, resource)
        rule = await self._rule(resource)
        return await self._plane.test(self._row.proof, resource.name, rule, made.value, asked)

    async def remove(self, target: str, key_id: str) -> None:
        """Renew the slot that the id names, if it still holds that very key."""
        resource, slot = self._resource(target), slot_of(key_id)
        async with self._in_time(resource, RENEW):
            if key_id in self._ids(await self._keys.list(resource)):
                await self._keys.renew(resource, slot)

    async def _refusal(self, resource: KeyedResource) -> str | None:
        if self._row.refusal is None:
            return None
        asked = self._keys.deed("the settings", READ, resource)
        return self._row.refusal(await self._keys.read(resource), asked)

    async def _rule(self, resource: KeyedResource) -> str:
        """Return the rule's name as it is written: whoever signs has to write it so."""
        if resource.rule is None:
            return ""
        asked = self._keys.deed("the settings", READ, resource)
        return wire.text(await self._keys.read(resource), "name", asked)

    def _resource(self, target: str) -> KeyedResource:
        found = KeyedResource.parse(target)
        if found is None or found.type is not self._row.type:
            raise TargetError(f"{target!r} is not the id of a resource of {self._row.type.type}.")
        return found

    def _other(self, in_use: str | None) -> str:
        other = self._row.type.other(slot_of(in_use or ""))
        if other is None:
            raise RejectedError(unknown(in_use))
        return other

    @asynccontextmanager
    async def _in_time(self, resource: KeyedResource, verb: Verb) -> AsyncIterator[None]:
        """Hold one effect, all of its requests together, to the time that one may take."""
        asked: Deed = self._keys.deed("a key", verb, resource)
        try:
            async with deadline(paths.CHANGE_SECONDS):
                yield
        except TimeoutError:
            raise TimedOutError(
                f"Azure took longer than {paths.CHANGE_SECONDS:.0f} s, so {asked.not_done} for"
                " sure.",
                remedy="It is looked at again later.",
            ) from None

    def _ids(self, keys: Keys) -> list[str]:
        return [self._id(slot, keys) for slot in keys]

    def _id(self, slot: str, keys: Keys) -> str:
        return f"{slot}:{self._fingerprint(keys[slot])}"

    def _fingerprint(self, value: SecretValue) -> str:
        return self._fingerprints.fingerprint(value.reveal()).hex()[:FINGERPRINT_DIGITS]

    def _made(self, slot: str, keys: Keys) -> Made:
        return Made(self._id(slot, keys), keys[slot], None)
