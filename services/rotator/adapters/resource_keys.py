"""The keys of a resource, by Resource Manager: listing them and renewing one.

Azure Resource Manager, "Track asynchronous Azure operations" (202 with `Azure-AsyncOperation`) and
"Lock your resources".
"""

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from azure.core.rest import HttpRequest

from services.rotator.adapters import paths
from services.rotator.adapters.connected import Connected
from services.rotator.adapters.key_rows import KeyRow
from services.rotator.ports import BusyError
from shared.clouds import CloudClient, HostGuard, wire
from shared.clouds.client import get, parse, unexpected
from shared.clouds.deeds import LIST, READ, RENEW, ROTATOR, Deed, Verb
from shared.clouds.errors import CloudError, RejectedError, TimedOutError, UnavailableError
from shared.clouds.paging import rows
from shared.clouds.refusals import codes_of
from shared.clouds.session import Answer
from shared.keyed_resources import KeyedResource
from shared.secret_value import SecretValue

Keys = dict[str, SecretValue]
_LOCKED: Final = "ScopeLocked"
_BUSY: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})
_POLL_SECONDS: Final = 1.0
_GOING_ON: Final = "It was accepted; whether it is done is looked up again."
_ENDED_BADLY: Final = frozenset({"failed", "canceled", "cancelled"})


class ResourceKeys:
    """Lists and renews keys of one type of resource."""

    def __init__(self, connected: Connected, row: KeyRow) -> None:
        session = connected.session
        self._row = row
        self._arm = session.cloud.arm
        self._actor = replace(ROTATOR, grants={**ROTATOR.grants, "arm": row.role})
        self._client = CloudClient(
            session.transport(HostGuard(session.cloud.owns_arm), paths.RESOURCES),
            connected.credential,
            audience="arm",
            scope=session.cloud.arm_scope,
            total_seconds=session.timeouts.total,
        )

    async def list(self, resource: KeyedResource) -> Keys:
        """Return the two keys by their slots."""
        asked = self.deed("the keys", LIST, resource)
        row = await self._client.read(self._post(resource, "listKeys"), asked)
        if not self._row.as_list:
            found = {name: wire.text(row, name, asked) for _, name in self._row.words.values()}
        else:
            listed = rows(row, "keys", asked)
            found = {
                wire.text(each, "keyName", asked): wire.text(each, "value", asked)
                for each in listed
            }
        names = {slot: name for slot, (_, name) in self._row.words.items()}
        if not set(names.values()) <= found.keys():
            raise unexpected(asked, "it does not name both keys")
        return {slot: SecretValue(found[name]) for slot, name in names.items()}

    async def read(self, resource: KeyedResource) -> wire.Row:
        """Return the resource, or its rule, without keys."""
        asked = self.deed("the settings", READ, resource)
        request = get(f"{self._arm}{resource}", **{"api-version": self._row.version})
        return await self._client.read(request, asked)

    async def renew(self, resource: KeyedResource, slot: str) -> None:
        """Renew one key; it returns when the new one stands.

        Raises `BusyError` when another change was under way and nothing was done, `RejectedError`
        for a lock, and a `TimedOutError` when it was accepted and has not ended so soon.
        """
        word, _ = self._row.words[slot]
        asked = self.deed(f"the key “{slot}”", RENEW, resource)
        request = self._post(resource, self._row.regenerate, {self._row.asked: word})
        answer = await self._client.change(request, asked, seconds=paths.CHANGE_SECONDS)
        if answer.status == HTTPStatus.ACCEPTED:
            await self._ended(answer, asked)
        elif answer.status != HTTPStatus.OK:
            raise self._refused(answer, asked)

    def deed(self, part: str, verb: Verb, resource: KeyedResource) -> Deed:
        """Return what is asked for, in words."""
        inside = f"“{resource.name}” ({resource.type.type})"
        rule = f"the rule “{resource.rule}” of " if resource.rule else ""
        return Deed(f"{part} of {rule}{inside}", verb, self._actor, inside=f"{rule}{inside}")

    async def _ended(self, accepted: Answer, asked: Deed) -> None:
        url = accepted.headers.get("Azure-AsyncOperation")
        if url is None:
            raise TimedOutError(f"{asked.not_done} yet.", remedy=_GOING_ON)
        while True:
            told = parse(await self._client.fetch(get(url), asked), asked)
            status = wire.text(told, "status", asked).lower()
            if status == "succeeded":
                return
            if status in _ENDED_BADLY:
                raise UnavailableError(
                    f"Azure accepted to {asked.to_do} and then ended that as “{status}”.",
                    remedy="It is tried again later.",
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _refused(self, answer: Answer, asked: Deed) -> CloudError:
        if answer.status in _BUSY and _LOCKED in codes_of(answer.body):
            return RejectedError(
                f"A lock on it does not let anybody {asked.to_do}.",
                remedy="Remove the lock (az lock list), or take this resource out of rotation.",
            )
        if answer.status in _BUSY:
            return BusyError(
                f"Another change of {asked.unknown} is under way at this moment.",
                remedy="It is tried again later.",
            )
        return self._client.refused(answer, asked)

    def _post(
        self, resource: KeyedResource, action: str, body: dict[str, str] | None = None
    ) -> HttpRequest:
        url = f"{self._arm}{resource}/{action}"
        return HttpRequest("POST", url, params={"api-version": self._row.version}, json=body)
