"""Whether a client secret works: a token request with it, each one anew and each one once.

Microsoft identity platform, "OAuth 2.0 client credentials flow" and "Microsoft Entra authentication
error codes". A request that is refused is a failed sign-in in the tenant's log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import policies
from azure.identity.aio import ClientSecretCredential

from services.rotator.adapters import paths
from services.rotator.adapters.connected import Connected
from services.rotator.ports import Tested, Verdict
from shared.clouds import HostGuard
from shared.clouds.claims import claims_of, mute
from shared.clouds.client import unexpected
from shared.clouds.deadline import deadline
from shared.clouds.deeds import ROTATOR, Deed, Verb
from shared.clouds.errors import CloudError, ThrottledError, UnavailableError
from shared.clouds.failures import FAILURES, failure
from shared.clouds.guards import GuardPolicy, host_of
from shared.clouds.retry_after import retry_after
from shared.secret_value import SecretValue

SECONDS: Final = 30.0
LEAST_WAIT: Final = 60.0
"""Whoever asks in a loop is refused for as long as that goes on; sooner than this nothing helps."""
_CODE: Final = re.compile(r"AADSTS(\d{4,8})\b")
_LOOP: Final = 50196
_PASSING: Final = frozenset({90006, 90033})  # ExternalServerRetryableError, MsodsServiceUnavailable
_NOT_ACCEPTED: Final = frozenset({7000215, 7000222})  # invalid, or ended
_OBTAIN: Final = Verb("obtain", "obtaining", "obtained")


@dataclass(frozen=True, slots=True)
class _Refused:
    """An answer without a token: its status, Entra's code (0: none) and the wait it names."""

    status: int
    code: int
    wait: float | None

    @property
    def name(self) -> str:
        return f"AADSTS{self.code}" if self.code else f"status {self.status}"


class SignIn:
    """Signs in as an application."""

    def __init__(self, connected: Connected) -> None:
        self._session = connected.session
        self._credential = connected.credential

    async def with_secret(self, app_id: str, secret: SecretValue) -> Tested:
        """Ask for a token for Microsoft Graph.

        Raises `ThrottledError`, and `UnavailableError` and its like where Entra cannot be asked.
        """
        asked = Deed(f"a token as the application {app_id}", _OBTAIN, ROTATOR)
        tenant = await self._tenant()
        try:
            async with deadline(SECONDS), self._as(tenant, app_id, secret) as application:
                await application.get_token_info(self._session.cloud.graph_scope)
                return Tested(Verdict.WORKS)
        except CloudError:
            raise
        except Exception as error:  # noqa: BLE001 - azure-identity raises many kinds; all become ours
            found = _read(error, asked, host_of(self._session.cloud.authority))
        # Raised out here nothing hangs on it: azure-identity's errors hold the request's form.
        if isinstance(found, CloudError):
            raise found
        return _judge(found, asked)

    async def _tenant(self) -> str:
        """Return the tenant that Microsoft Graph answers for: the settings' or the token's own."""
        cloud = self._session.cloud
        if cloud.identity.tenant_id:
            return cloud.identity.tenant_id
        info = await self._credential.get_token_info(cloud.graph_scope)
        tenant = claims_of(info.token).get("tid")
        if not isinstance(tenant, str) or not tenant:
            raise mute()
        return tenant

    def _as(self, tenant: str, app_id: str, secret: SecretValue) -> ClientSecretCredential:
        """Return a credential with nothing in its cache, which neither repeats nor logs."""
        transport = self._session.transport(
            HostGuard(self._session.cloud.owns_authority), paths.LOGIN
        )
        return ClientSecretCredential(
            tenant_id=tenant,
            client_id=app_id,
            client_secret=secret.reveal(),
            authority=self._session.cloud.authority,
            disable_instance_discovery=True,
            transport=transport,
            policies=[
                GuardPolicy(transport.guards),
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent="certifyclouds"),
                policies.ContentDecodePolicy(),
                policies.AsyncRetryPolicy(retry_total=0),
            ],
        )


def _read(error: Exception, asked: Deed, host: str) -> _Refused | CloudError:
    response: Any = getattr(error, "response", None)
    if isinstance(error, HttpResponseError) and response is not None:
        headers: Mapping[str, str] = response.headers
        code = _CODE.search(str(error))
        return _Refused(response.status_code, int(code[1]) if code else 0, retry_after(headers))
    if isinstance(error, FAILURES):
        return failure(asked, host, error)
    return unexpected(asked, "it is not what Entra documents")


def _judge(refused: _Refused, asked: Deed) -> Tested:
    if refused.code == _LOOP or refused.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ThrottledError(
            f"Entra asked to slow down while {asked.doing} ({refused.name}).",
            remedy="It is tried again later.",
            retry_after=max(refused.wait or 0.0, LEAST_WAIT),
        )
    failed = refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if failed or refused.code in _PASSING or refused.status == HTTPStatus.REQUEST_TIMEOUT:
        raise UnavailableError(
            f"Entra failed while {asked.doing} ({refused.name}).",
            remedy="It is tried again later.",
            retry_after=refused.wait,
        )
    if refused.code in _NOT_ACCEPTED:
        return Tested(Verdict.NOT_YET, refused.name)
    return Tested(Verdict.UNCLEAR, refused.name)
