"""Client secrets of Entra applications: any number beside each other, each shown once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.rotator.adapters import paths
from services.rotator.adapters.connected import Connected
from services.rotator.adapters.entra import Applications
from services.rotator.adapters.entra_sign_in import SignIn
from services.rotator.domain.application import ApplicationTarget
from services.rotator.domain.credential_policy import Allowance, allowance, room
from services.rotator.domain.marker import Marker
from services.rotator.domain.standing import Capabilities, Held, Standing
from services.rotator.ports import Made, Tested
from shared.clouds import CloudClient, HostGuard, wire
from shared.clouds.deeds import ADD, READ, ROTATOR, Deed
from shared.clouds.errors import AccessDeniedError, NotFoundError, UnexpectedAnswerError
from shared.clouds.paging import rows
from shared.secret_value import SecretValue
from shared.telemetry import get_logger

logger = get_logger(__name__)

_SECRETS: Final = Deed("an application's client secrets", READ, ROTATOR)
_NEW: Final = Deed("a client secret", ADD, ROTATOR)
_UNTOLD: Final = (AccessDeniedError, NotFoundError, UnexpectedAnswerError)
_FULL: Final = (
    "The application holds as many client secrets as it may. Remove those that are not in use any"
    " more, then ask for the rotation again."
)


class EntraAppSecret:
    """Implements `ports.Driver`. A target is an `ApplicationTarget` as text."""

    def __init__(self, connected: Connected) -> None:
        self.capabilities: Final = Capabilities(
            recoverable=False, additive=True, tests_before_publishing=True
        )
        session = connected.session
        client = CloudClient(
            session.transport(HostGuard(session.cloud.owns_graph), paths.GRAPH),
            connected.credential,
            audience="graph",
            scope=session.cloud.graph_scope,
            total_seconds=session.timeouts.total,
        )
        self._applications = Applications(client, session.cloud.graph)
        self._sign_in = SignIn(connected)
        self._clock = connected.clock

    async def look(self, target: str) -> Standing:
        """Return the client secrets and what policies leave to them.

        Where policies cannot be read, whether one stands in the way is left open.
        """
        application = ApplicationTarget.parse(target)
        row = await self._applications.read(application)
        secrets = _list(row, "passwordCredentials")
        left = room(
            wire.optional(row, "signInAudience", str, _SECRETS),
            len(secrets),
            len(_list(row, "keyCredentials")),
        )
        created_on = wire.iso_instant(row, "createdDateTime", _SECRETS)
        allowed = await self._allowance(application, created_on)
        return Standing(
            credentials=tuple(map(_held, secrets)),
            room=left,
            longest=allowed.longest,
            refusal=allowed.refusal or (None if left else _FULL),
        )

    async def make(
        self,
        target: str,
        marker: Marker,
        lifetime: timedelta,
        before: Sequence[str],
        in_use: str | None,
    ) -> Made:
        del before, in_use
        end = self._clock() + lifetime
        row = await self._applications.add(ApplicationTarget.parse(target), str(marker), end)
        return Made(
            wire.text(row, "keyId", _NEW),
            SecretValue(wire.text(row, "secretText", _NEW)),
            wire.iso_instant(row, "endDateTime", _NEW),
        )

    async def recover(self, target: str, before: Sequence[str], in_use: str | None) -> Made | None:
        """Return None: Graph shows a client secret once."""
        del target, before, in_use
        return None

    async def identify(self, target: str, value: SecretValue) -> str | None:
        """Return None: Graph does not say which client secret has a value."""
        del target, value
        return None

    async def test(self, target: str, made: Made) -> Tested:
        return await self._sign_in.with_secret(ApplicationTarget.parse(target).app_id, made.value)

    async def remove(self, target: str, key_id: str) -> None:
        await self._applications.remove(ApplicationTarget.parse(target), key_id)

    async def _allowance(
        self, application: ApplicationTarget, created_on: datetime | None
    ) -> Allowance:
        try:
            found = await self._applications.restrictions(application)
        except _UNTOLD as error:
            logger.debug("policies.unknown", application=application.app_id, reason=str(error))
            return Allowance()
        return allowance(found, created_on)


def _list(row: wire.Row, name: str) -> list[wire.Row]:
    return rows(row, name, _SECRETS) if row.get(name) is not None else []


def _held(row: wire.Row) -> Held:
    return Held(
        wire.text(row, "keyId", _SECRETS),
        Marker.parse(wire.optional(row, "displayName", str, _SECRETS)),
        wire.iso_instant(row, "endDateTime", _SECRETS),
    )
