"""Whom an access token names, as the permission doctor tells it. The token goes nowhere.

Microsoft identity platform, "Access token claims reference": `oid`, `appid` (`azp` in version 2),
`tid`, `roles` for an application's permissions, `scp` for a person's, `groups` where the resource
asks for them and there are few enough (`hasgroups` and `_claim_names` say that there are more).
"""

from services.scanner.domain.permission_facts import Identity
from shared.clouds.claims import Claims, mute


def identity_of(arm: Claims, graph: Claims | None) -> Identity:
    """Return whom the management API's token names, with the roles in Microsoft Graph's.

    Raises `UnexpectedAnswerError` for a token that names nobody.
    """
    object_id = arm.get("oid")
    if not isinstance(object_id, str) or not object_id:
        raise mute()
    return Identity(
        object_id=object_id,
        client_id=str(arm.get("appid") or arm.get("azp") or ""),
        tenant_id=str(arm.get("tid") or ""),
        is_application="scp" not in arm,
        groups=_groups(arm),
        graph_roles=None if graph is None or "scp" in graph else _words(graph.get("roles")),
    )


def _groups(claims: Claims) -> frozenset[str] | None:
    if "groups" not in claims or claims.get("hasgroups") or "_claim_names" in claims:
        return None
    return frozenset(word.lower() for word in _words(claims["groups"]))


def _words(found: object) -> frozenset[str]:
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()
