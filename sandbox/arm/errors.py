"""Azure Resource Manager's refusals (Microsoft Learn: "Common errors", "Authentication errors")."""

from sandbox.estate.keyed import KeyedType
from sandbox.tokens import Caller, TokenRefusedError
from sandbox.wire import RefusedError
from sandbox.world import World


def error(status: int, code: str, message: str) -> RefusedError:
    """Return a refusal in Resource Manager's form."""
    return RefusedError(status, {"error": {"code": code, "message": message}})


def unauthenticated(world: World, refused: TokenRefusedError) -> RefusedError:
    """Return what a request without a good token is told."""
    allowed = ",".join(f"'{name}'" for name in sorted(world.names.audiences("arm")))
    wrong_audience = (
        f"The access token has been obtained for wrong audience or resource '{refused.detail}'. It"
        f" should exactly match with one of the allowed audiences {allowed}."
    )
    codes = {
        "missing": (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ),
        "invalid": ("InvalidAuthenticationToken", "The access token is invalid."),
        "expired": (
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
        ),
        "revoked": ("InvalidAuthenticationToken", "The access token has been revoked."),
        "audience": (
            "InvalidAuthenticationTokenAudience",
            wrong_audience,
        ),
    }
    code, message = codes[refused.reason]
    result = error(401, code, message)
    authority = f"{world.names.login}/{world.estate.tenant_id}"
    result.headers["WWW-Authenticate"] = (
        f'Bearer authorization_uri="{authority}", error="invalid_token",'
        f' error_description="{message}"'
    )
    return result


def unauthorized(caller: Caller, action: str, scope: str) -> RefusedError:
    """Return what a caller without a role is told."""
    return error(
        403,
        "AuthorizationFailed",
        f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have"
        f" authorization to perform action '{action}' over scope '{scope}' or the scope is"
        " invalid. If access was recently granted, please refresh your credentials.",
    )


def subscription_not_found(subscription_id: str) -> RefusedError:
    message = f"The subscription '{subscription_id}' could not be found."
    return error(404, "SubscriptionNotFound", message)


def group_not_found(name: str) -> RefusedError:
    message = f"Resource group '{name}' could not be found."
    return error(404, "ResourceGroupNotFound", message)


def vault_not_found(name: str, group: str) -> RefusedError:
    return resource_not_found(f"Microsoft.KeyVault/vaults/{name}", group)


def resource_not_found(resource: str, group: str) -> RefusedError:
    """Return that a resource, by its type and name, is not in its group."""
    return error(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{group}' was not"
        " found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def no_method(method: str) -> RefusedError:
    message = f"The requested resource does not support http method '{method}'."
    return error(405, "MethodNotAllowed", message)


def no_version(version: str, row: KeyedType) -> RefusedError:
    """Return that a type of resource has no such API version."""
    namespace, _, kind = row.type.partition("/")
    return error(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for API version '{version}' for type '{kind}' of"
        f" '{namespace}'. The supported api-versions are '{', '.join(row.versions)}'.",
    )
