"""Applications and their client secrets, by Microsoft Graph.

Microsoft Graph REST API v1.0: "Get application", "application: addPassword", "application:
removePassword", "List appManagementPolicies", "Get tenantAppManagementPolicy".
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from azure.core.rest import HttpRequest

from services.rotator.adapters import paths
from services.rotator.adapters.entra_errors import change_error, is_absent
from services.rotator.domain.application import ApplicationTarget
from services.rotator.domain.credential_policy import Restriction, span
from shared.clouds import CloudClient, pages, wire
from shared.clouds.client import get, parse
from shared.clouds.deeds import ADD, LIST, READ, REMOVE, ROTATOR, Deed, Verb
from shared.clouds.errors import NotFoundError
from shared.clouds.paging import rows
from shared.clouds.session import Answer

_FIELDS: Final = "id,appId,createdDateTime,signInAudience,passwordCredentials,keyCredentials"
_LINK: Final = "@odata.nextLink"
_PASSWORDS: Final = "passwordCredentials"
_ENABLED: Final = "enabled"


class Applications:
    """Reads and changes applications. `graph` is Graph's endpoint, without a slash at its end."""

    def __init__(self, client: CloudClient, graph: str) -> None:
        self._client = client
        self._graph = graph

    async def read(self, target: ApplicationTarget) -> wire.Row:
        """Return the application's object.

        Raises `NotFoundError` also for one that signs in as another than the target says: what is
        rotated and what is tested would not be the same.
        """
        asked = _deed("the credentials", READ, target)
        row = await self._client.read(get(self._url(target), **{"$select": _FIELDS}), asked)
        if wire.text(row, "appId", asked).lower() != target.app_id:
            raise NotFoundError(
                f"The application with the object id {target.object_id} has another application id"
                f" than {target.app_id}.",
                remedy="Choose the credential anew from the inventory.",
            )
        return row

    async def restrictions(self, target: ApplicationTarget) -> Sequence[Restriction]:
        """Return what policies say of the application: its own takes the place of the tenant's.

        Needs the permission Policy.Read.ApplicationConfiguration.
        """
        asked = _deed("the app management policies", LIST, target)
        first = get(self._url(target, "appManagementPolicies"))
        own = [row async for page in pages(self._client, first, asked, link=_LINK) for row in page]
        if own:
            return [rule for row in own for rule in _restrictions(row, "restrictions", asked)]
        default = get(f"{self._graph}/v1.0/policies/defaultAppManagementPolicy")
        policy = await self._client.read(default, asked)
        return _restrictions(policy, "applicationRestrictions", asked)

    async def add(self, target: ApplicationTarget, name: str, end: datetime) -> wire.Row:
        """Add a client secret and return it with its value, which Graph shows only now."""
        asked = _deed("a client secret", ADD, target)
        wanted = {"displayName": name, "endDateTime": f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        answer = await self._change(target, "addPassword", {"passwordCredential": wanted}, asked)
        if answer.status != HTTPStatus.OK:
            raise change_error(answer, asked, self._client)
        return parse(answer.body, asked)

    async def remove(self, target: ApplicationTarget, key_id: str) -> None:
        """Remove one client secret; one that is not there any more is fine."""
        asked = _deed("a client secret", REMOVE, target)
        answer = await self._change(target, "removePassword", {"keyId": key_id}, asked)
        if answer.status != HTTPStatus.NO_CONTENT and not is_absent(answer):
            raise change_error(answer, asked, self._client)

    async def _change(
        self, target: ApplicationTarget, action: str, body: Mapping[str, object], asked: Deed
    ) -> Answer:
        request = HttpRequest("POST", self._url(target, action), json=dict(body))
        return await self._client.change(request, asked, seconds=paths.CHANGE_SECONDS)

    def _url(self, target: ApplicationTarget, below: str = "") -> str:
        return f"{self._graph}/v1.0/applications/{target.object_id}{below and f'/{below}'}"


def _deed(part: str, verb: Verb, target: ApplicationTarget) -> Deed:
    application = f"the application {target.app_id}"
    return Deed(f"{part} of {application}", verb, ROTATOR, inside=application)


def _restrictions(policy: wire.Row, name: str, asked: Deed) -> list[Restriction]:
    """Return the rules on client secrets in a policy; none of one that is switched off."""
    if not wire.optional(policy, "isEnabled", bool, asked):
        return []
    found = wire.part(policy, name, asked)
    listed = rows(found, _PASSWORDS, asked) if found.get(_PASSWORDS) is not None else []
    return [
        Restriction(
            kind=wire.text(row, "restrictionType", asked),
            # Policies from before there was a state have none, and hold.
            enabled=(wire.text_or_empty(row, "state", asked) or _ENABLED) == _ENABLED,
            longest=span(wire.optional(row, "maxLifetime", str, asked)),
            since=wire.iso_instant(row, "restrictForAppsCreatedAfterDateTime", asked),
        )
        for row in listed
    ]
