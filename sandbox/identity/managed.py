"""Managed identity endpoints, on plain HTTP as on a real host.

App Service and Container Apps: Microsoft Learn, "How to use managed identities for App Service and
Azure Functions" (REST endpoint reference). Virtual machines: "How to use managed identities on an
Azure VM to acquire an access token" (the instance metadata service).
"""

import secrets
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.estate.model import Principal
from sandbox.tokens import MANAGED_IDENTITY_SECONDS
from sandbox.wire import RefusedError, answer, new_id
from sandbox.world import World

_CLIENT_PARAMETERS: Final = ("client_id", "clientid")
_OBJECT_PARAMETERS: Final = ("object_id", "principal_id")
_RESOURCE_PARAMETERS: Final = ("mi_res_id", "msi_res_id")
_APP_SERVICE_VERSION: Final = "2019-08-01"
_IMDS_VERSIONS: Final = ("2018-02-01", "2019-08-01", "2019-11-01", "2020-06-01", "2021-02-01")
_NOT_FOUND: Final = (
    "No User Assigned or Delegated Managed Identity found for specified"
    " ClientId/ResourceId/PrincipalId."
)


class ManagedIdentity:
    """Answers token requests for the estate's user-assigned identities."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def app_service(self, request: Request) -> Response:
        """Answer in the form of App Service and Container Apps."""
        given = request.headers.get("x-identity-header", "")
        if not secrets.compare_digest(given.encode(), self._world.identity_header.encode()):
            raise _app_service_error(401, "The X-IDENTITY-HEADER is missing or wrong.")
        query = request.query_params
        if query.get("api-version") != _APP_SERVICE_VERSION:
            raise _app_service_error(400, "The api-version is missing or not supported.")
        resource = query.get("resource", "")
        if not resource:
            raise _app_service_error(400, "The resource parameter is missing.")
        principal = self._principal(query)
        if principal is None:
            raise _app_service_error(400, _NOT_FOUND)
        if not self._world.names.is_known(resource):
            raise _app_service_error(400, self._unknown_resource(resource))
        request.state.issued_to = principal.object_id
        token, expires = self._world.tokens.issue(principal, resource, MANAGED_IDENTITY_SECONDS)
        return answer(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": principal.client_id,
            }
        )

    async def imds(self, request: Request) -> Response:
        """Answer in the form of the instance metadata service."""
        query = request.query_params
        resource = self._imds_resource(request)
        principal = self._principal(query)
        if principal is None:
            raise _imds_error("invalid_request", "Identity not found")
        if not self._world.names.is_known(resource):
            raise _imds_error("invalid_resource", self._unknown_resource(resource))
        request.state.issued_to = principal.object_id
        token, expires = self._world.tokens.issue(principal, resource, MANAGED_IDENTITY_SECONDS)
        now = self._world.clock.epoch()
        return answer(
            {
                "access_token": token,
                "client_id": principal.client_id,
                "expires_in": str(expires - now),
                "expires_on": str(expires),
                "ext_expires_in": str(expires - now),
                "not_before": str(now),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _imds_resource(self, request: Request) -> str:
        if request.headers.get("metadata", "").lower() != "true":
            raise _imds_error("invalid_request", "Required metadata header not specified")
        if "x-forwarded-for" in request.headers:
            raise _imds_error("invalid_request", "X-Forwarded-For is not allowed")
        version = request.query_params.get("api-version", "")
        if version not in _IMDS_VERSIONS:
            newest = ", ".join(f'"{known}"' for known in reversed(_IMDS_VERSIONS))
            raise _imds_error("Bad request. api-version is invalid or was not specified", newest)
        resource = request.query_params.get("resource", "")
        if not resource:
            raise _imds_error("invalid_request", "Required audience parameter not specified")
        return resource

    def _principal(self, query: Mapping[str, str]) -> Principal | None:
        """Return the identity that the query selects; a system-assigned one does not exist here."""
        for principal in self._world.estate.principals.values():
            if principal.kind != "managed":
                continue
            if any(query.get(name) == principal.client_id for name in _CLIENT_PARAMETERS):
                return principal
            if any(query.get(name) == principal.object_id for name in _OBJECT_PARAMETERS):
                return principal
            own = principal.resource_id(self._world.estate.subscriptions[0].id).lower()
            if any(query.get(name, "").lower() == own for name in _RESOURCE_PARAMETERS):
                return principal
        return None

    def _unknown_resource(self, resource: str) -> str:
        return (
            f"AADSTS500011: The resource principal named {resource} was not found in the tenant"
            f" named {self._world.estate.organization}. This can happen if the application has not"
            " been installed by the administrator of the tenant or consented to by any user in the"
            " tenant. You might have sent your authentication request to the wrong tenant."
        )


def _app_service_error(status: int, message: str) -> RefusedError:
    return RefusedError(
        status, {"statusCode": status, "message": message, "correlationId": new_id()}
    )


def _imds_error(code: str, description: str) -> RefusedError:
    return RefusedError(400, {"error": code, "error_description": description})
