"""Asking azure-identity for tokens: which credential, and what its failures mean."""

import re
from collections.abc import Callable
from typing import Final

from azure.core.credentials_async import AsyncSupportsTokenInfo
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import (
    AzureCliCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from shared.clouds.errors import CloudError, IdentityRefusedError, IdentityUnavailableError
from shared.clouds.session import CloudSession
from shared.clouds.settings import Identity

_ENTRA_CODE: Final = re.compile(r"\bAADSTS\d{4,8}\b")
_BUSY: Final = frozenset({408, 429})
_SERVER_ERROR: Final = 500


def make_source(session: CloudSession) -> Callable[[], AsyncSupportsTokenInfo]:
    """Return what makes a credential of the kind that the settings name."""
    makers: dict[str, Callable[[CloudSession, Identity], AsyncSupportsTokenInfo]] = {
        "managed-identity": _managed_identity,
        "workload-identity": _workload_identity,
        "client-secret": _client_secret,
        "az-login": _az_login,
    }
    identity = session.cloud.identity
    make = makers[identity.source]
    return lambda: make(session, identity)


def _managed_identity(session: CloudSession, identity: Identity) -> AsyncSupportsTokenInfo:
    return ManagedIdentityCredential(client_id=identity.client_id, transport=session.transport())


def _workload_identity(session: CloudSession, identity: Identity) -> AsyncSupportsTokenInfo:
    """Client, tenant and token file come from the pod's environment where they are not given."""
    given = {"client_id": identity.client_id, "tenant_id": identity.tenant_id}
    return WorkloadIdentityCredential(
        authority=session.cloud.authority,
        disable_instance_discovery=True,
        transport=session.transport(),
        **{name: value for name, value in given.items() if value},
    )


def _client_secret(session: CloudSession, identity: Identity) -> AsyncSupportsTokenInfo:
    secret = identity.client_secret
    return ClientSecretCredential(
        tenant_id=identity.tenant_id or "",
        client_id=identity.client_id or "",
        client_secret=secret.reveal() if secret else "",
        authority=session.cloud.authority,
        disable_instance_discovery=True,
        transport=session.transport(),
    )


def _az_login(session: CloudSession, identity: Identity) -> AsyncSupportsTokenInfo:
    del session
    return AzureCliCredential(tenant_id=identity.tenant_id or "")


def identity_error(error: Exception) -> CloudError:
    """Return our error for a token that could not be had; it repeats no text of the answer."""
    if isinstance(error, CredentialUnavailableError):
        return IdentityUnavailableError(
            "This machine offers no identity to ask a token with.",
            remedy="Assign the managed identity to this container or machine, or run `az login`"
            " where AZURE_CREDENTIAL is az-login.",
        )
    if isinstance(error, ClientAuthenticationError) and not _is_passing(error):
        code = _ENTRA_CODE.search(str(error))
        return IdentityRefusedError(
            f"Entra refused a token to this identity{f' ({code.group()})' if code else ''}.",
            remedy="Check AZURE_CLIENT_ID, AZURE_TENANT_ID and the secret, that the identity"
            " still exists, and that CLOUD names the cloud it is in.",
        )
    kind = "" if isinstance(error, AzureError) else f" ({type(error).__name__})"
    return IdentityUnavailableError(
        f"The identity endpoint gave no token{kind}.",
        remedy="Check that this machine reaches Entra, or its identity endpoint.",
    )


def _is_passing(error: ClientAuthenticationError) -> bool:
    status = error.status_code or 0
    return status in _BUSY or status >= _SERVER_ERROR
