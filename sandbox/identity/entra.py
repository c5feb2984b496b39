"""Entra's token endpoint for client secrets and assertions, and the documents that describe it.

Microsoft identity platform: "OAuth 2.0 client credentials flow", "Authentication error codes".
"""

import secrets
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from sandbox.estate.directory import Application, KeyCredential, PasswordCredential
from sandbox.estate.model import Principal
from sandbox.identity import assertion
from sandbox.tokens import CLIENT_SECRET_SECONDS
from sandbox.wire import RefusedError, answer, new_id
from sandbox.world import World

_SUFFIX: Final = "/.default"
_TOKEN_PATHS: Final = ("oauth2/v2.0/token",)
_OPENID_PATHS: Final = ("v2.0/.well-known/openid-configuration", ".well-known/openid-configuration")
_KEY_PATHS: Final = ("discovery/v2.0/keys", "discovery/keys")


class Entra:
    """Answers for one tenant."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request) -> Response:
        tenant, _, rest = request.url.path.strip("/").partition("/")
        if (tenant, rest) == ("common", "discovery/instance"):
            return answer(self._instances())
        if rest in _TOKEN_PATHS and request.method != "POST":
            raise self._error(
                400, "invalid_request", 900561, "The endpoint only accepts POST requests."
            )
        if tenant not in {self._world.estate.tenant_id, self._world.estate.domain}:
            raise self._error(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if rest in _TOKEN_PATHS:
            return await self._token(request)
        if rest in _OPENID_PATHS:
            return answer(self._openid())
        if rest in _KEY_PATHS:
            return answer(self._world.tokens.key_set())
        raise RefusedError(404, {"error": "not_found"})

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        self._check_form(form)
        principal = self._client(form)
        audience = self._audience(form)
        request.state.issued_to = principal.object_id
        certified = bool(form.get("client_assertion"))
        token, expires = self._world.tokens.issue(
            principal, audience, CLIENT_SECRET_SECONDS, certified=certified
        )
        left = expires - self._world.clock.epoch()
        return answer(
            {
                "token_type": "Bearer",
                "expires_in": left,
                "ext_expires_in": left,
                "access_token": token,
            },
            headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"},
        )

    def _check_form(self, form: dict[str, str]) -> None:
        for field in ("grant_type", "client_id", "scope"):
            if not form.get(field):
                message = f"The request body must contain the following parameter: '{field}'."
                raise self._error(400, "invalid_request", 900144, message)
        if form["grant_type"] != "client_credentials":
            message = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise self._error(400, "unsupported_grant_type", 70003, message)

    def _client(self, form: dict[str, str]) -> Principal:
        """Return the service principal that the secret or the assertion proves."""
        estate, client_id = self._world.estate, form["client_id"]
        application = estate.application(client_id)
        if application is None:
            message = (
                f"Application with identifier '{client_id}' was not found in the directory"
                f" '{estate.organization}'."
            )
            raise self._error(400, "unauthorized_client", 700016, message)
        principal = estate.service_principal(client_id)
        if principal is not None and not principal.enabled:
            message = f"Application '{client_id}'({application.display_name}) is disabled."
            raise self._error(400, "unauthorized_client", 7000112, message)
        if form.get("client_assertion"):
            self._check_assertion(form, application)
        else:
            self._check_secret(form.get("client_secret", ""), application)
        known = estate.principals.values()
        found = next((p for p in known if p.client_id == client_id), None)
        return found or Principal(
            name=application.display_name,
            client_id=client_id,
            object_id=application.principal_id,
            kind="application",
        )

    def _check_secret(self, given: str, application: Application) -> None:
        if not given:
            message = (
                "The request body must contain the following parameter: 'client_assertion' or"
                " 'client_secret'."
            )
            raise self._error(401, "invalid_client", 7000218, message)
        now, client_id = self._world.clock.epoch(), application.app_id
        honoured = self._world.replication.honoured(application, PasswordCredential)
        match = next(
            (p for p in honoured if secrets.compare_digest(p.text.encode(), given.encode())), None
        )
        if match is None or match.start > now:
            message = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the"
                f" client secret value, not the client secret ID, for a secret added to app"
                f" '{client_id}'."
            )
            raise self._error(401, "invalid_client", 7000215, message)
        if match.end <= now:
            message = f"The provided client secret keys for app '{client_id}' are expired."
            raise self._error(401, "invalid_client", 7000222, message)

    def _check_assertion(self, form: dict[str, str], application: Application) -> None:
        if form.get("client_assertion_type") != assertion.TYPE:
            message = (
                "The request body must contain the following parameter: 'client_assertion_type',"
                f" with the value '{assertion.TYPE}'."
            )
            raise self._error(400, "invalid_request", 900144, message)
        estate, login = self._world.estate, self._world.names.login
        tenants = [f"{login}/{name}" for name in (estate.tenant_id, estate.domain)]
        expected = assertion.Expected(
            client_id=application.app_id,
            audiences=frozenset(
                f"{tenant}/{path}" for tenant in tenants for path in (*_TOKEN_PATHS, "v2.0")
            ),
            keys=self._world.replication.honoured(application, KeyCredential),
            now=self._world.clock.epoch(),
        )
        refuse = partial(self._error, 401, "invalid_client")
        assertion.verify(form["client_assertion"], expected, refuse)

    def _audience(self, form: dict[str, str]) -> str:
        scope = form["scope"]
        if not scope.endswith(_SUFFIX) or " " in scope:
            message = (
                f"The provided value for scope {scope} is not valid. Client credential flows must"
                " have a scope value with /.default suffixed to the resource identifier"
                " (application ID URI)."
            )
            raise self._error(400, "invalid_scope", 1002012, message)
        audience = scope.removesuffix(_SUFFIX)
        if not self._world.names.is_known(audience):
            message = (
                f"The resource principal named {audience} was not found in the tenant named"
                f" {self._world.estate.organization}."
            )
            raise self._error(400, "invalid_resource", 500011, message)
        return audience

    def _error(self, status: int, error: str, code: int, message: str) -> RefusedError:
        trace, correlation = new_id(), new_id()
        stamp = self._world.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        return RefusedError(
            status,
            {
                "error": error,
                "error_description": (
                    f"AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation}"
                    f" Timestamp: {stamp}"
                ),
                "error_codes": [code],
                "timestamp": stamp,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"{self._world.names.login}/error?code={code}",
            },
        )

    def _openid(self) -> dict[str, object]:
        tenant = f"{self._world.names.login}/{self._world.estate.tenant_id}"
        return {
            "issuer": f"{tenant}/v2.0",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": "EU",
        }

    def _instances(self) -> dict[str, object]:
        host = self._world.names.login.removeprefix("https://")
        configuration = f"{self._world.names.login}/{self._world.estate.tenant_id}"
        return {
            "tenant_discovery_endpoint": (f"{configuration}/v2.0/.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
