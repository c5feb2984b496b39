"""Changing an application's credentials: adding and removing client secrets, setting certificates.

Microsoft Graph REST API v1.0: "application: addPassword", "application: removePassword", "Update
application". Two writes to one application at the same time end as in the real service: one of them
with 409 and `Directory_ConcurrencyViolation`.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.directory import given, policies, shapes
from sandbox.directory.query import Refuse
from sandbox.estate.directory import (
    PERSONAL,
    Application,
    KeyCredential,
    PasswordCredential,
)
from sandbox.tokens import Caller
from sandbox.wire import Document, answer, body
from sandbox.world import World

_ALL: Final = {"Application.ReadWrite.All", "Directory.ReadWrite.All"}
_OWNED: Final = "Application.ReadWrite.OwnedBy"
_SECRET_BYTES: Final = 30
_WRITE_SECONDS: Final = 0.005

Find = Callable[[str], Application]
Operation = Callable[[Application, Document], Awaitable[Response]]


class Writer:
    """Takes the writes to applications that Graph found and whose callers it knows."""

    def __init__(self, world: World, refuse: Refuse, media_type: str) -> None:
        self._world = world
        self._refuse = refuse
        self._media_type = media_type
        self._under_way: set[str] = set()
        self._operations: Mapping[tuple[str, str], Operation] = {
            ("POST", "addPassword"): self._add_password,
            ("POST", "removePassword"): self._remove_password,
            ("PATCH", ""): self._update,
        }

    async def answer(
        self, caller: Caller, request: Request, parts: Sequence[str], find: Find
    ) -> Response:
        """Make the change that a path below the version asks for."""
        operation = self._operation(request.method, parts)
        if not (_ALL | {_OWNED}) & set(caller.roles):
            raise self._denied()
        application = find(parts[1])
        if not _ALL & set(caller.roles) and caller.object_id not in application.owner_principals:
            raise self._denied()
        document = await body(request)
        if document is None:
            message = (
                "Unable to read JSON request payload. Please ensure Content-Type header is set and"
                " payload is of valid JSON format."
            )
            raise self._refuse(400, "BadRequest", message)
        return await operation(application, document)

    def _operation(self, method: str, parts: Sequence[str]) -> Operation:
        match list(parts):
            case ["applications", _, *below] if len(below) < 2:  # noqa: PLR2004 - at most an action
                found = self._operations.get((method, "".join(below)))
            case _:
                found = None
        if found is None:
            message = f"The sandbox does not have {method} {'/'.join(parts)}."
            raise self._refuse(405, "Request_BadRequest", message)
        return found

    async def _add_password(self, application: Application, document: Document) -> Response:
        rules, refuse = self._world.estate.credential_rules, self._refuse
        text = secrets.token_urlsafe(_SECRET_BYTES)
        made = given.password(document, text, self._world.clock.epoch(), refuse)
        policy = policies.holding_for(application, rules)
        policies.require_password(policy, made.end - made.start, refuse)
        async with self._alone(application):
            self._require_room(application, [*application.passwords, made], application.keys)
            application.passwords.append(made)
            self._world.replication.added(application, made)
        context = f"{self._world.names.graph}/v1.0/$metadata#microsoft.graph.passwordCredential"
        shown = shapes.password_credential(made) | {"secretText": text}
        return answer({"@odata.context": context} | shown, media_type=self._media_type)

    async def _remove_password(self, application: Application, document: Document) -> Response:
        key_id = given.key_id(document, self._refuse)
        async with self._alone(application):
            found = next((each for each in application.passwords if each.key_id == key_id), None)
            if found is None:
                message = f"No password credential found with keyId '{key_id}'."
                raise self._refuse(400, "Request_BadRequest", message)
            application.passwords.remove(found)
            self._world.replication.removed(application, found)
        return Response(status_code=204)

    async def _update(self, application: Application, document: Document) -> Response:
        """Set the certificates; the collection that is sent takes the place of the whole."""
        if "passwordCredentials" in document:
            message = (
                "Updating passwordCredentials is not supported; use addPassword and removePassword."
            )
            raise self._refuse(400, "Request_BadRequest", message)
        # What begins so annotates: an SDK sends the object's type along.
        asked = sorted(name for name in document if not name.startswith("@"))
        if asked not in ([], ["keyCredentials"]):
            message = f"The sandbox changes nothing of an application but keyCredentials: {asked}."
            raise self._refuse(400, "Request_BadRequest", message)
        if asked:
            async with self._alone(application):
                self._set_keys(application, document)
        return Response(status_code=204)

    def _set_keys(self, application: Application, document: Document) -> None:
        world, before = self._world, application.keys
        found = given.keys(document, before, world.clock.epoch(), self._refuse)
        new = [each for each in found if each not in before]
        policy = policies.holding_for(application, world.estate.credential_rules)
        for each in new:
            policies.require_key(policy, each.end - each.start, self._refuse)
        self._require_room(application, application.passwords, found)
        application.keys = found
        for each in new:
            world.replication.added(application, each)
        for gone in before:
            if gone not in found:
                world.replication.removed(application, gone)

    def _require_room(
        self,
        application: Application,
        passwords: Sequence[PasswordCredential],
        keys: Sequence[KeyCredential],
    ) -> None:
        """Refuse more credentials than an application may have."""
        rules = self._world.estate.credential_rules
        most = rules.most_personal_passwords
        more = len(passwords) > len(application.passwords)
        if more and application.audience == PERSONAL and len(passwords) > most:
            message = (
                f"Not allowed to add {len(passwords)} passwords. You can only add a maximum of"
                f" {most} passwords."
            )
            raise self._refuse(400, "Request_BadRequest", message)
        if len(passwords) + len(keys) > rules.most:
            message = (
                "The size of the object has exceeded its limit. Please reduce the number of values"
                " and retry your request."
            )
            raise self._refuse(403, "Directory_ResourceSizeExceeded", message)

    @asynccontextmanager
    async def _alone(self, application: Application) -> AsyncIterator[None]:
        """Hold the application while a write takes; whoever else writes meanwhile is refused."""
        if application.object_id in self._under_way:
            message = (
                "Error due to concurrent requests being made to the tenant. Please wait briefly and"
                " retry."
            )
            raise self._refuse(409, "Directory_ConcurrencyViolation", message)
        self._under_way.add(application.object_id)
        try:
            await asyncio.sleep(_WRITE_SECONDS)
            yield
        finally:
            self._under_way.discard(application.object_id)

    def _denied(self) -> Exception:
        message = "Insufficient privileges to complete the operation."
        return self._refuse(403, "Authorization_RequestDenied", message)
