"""What an access token says of its holder, read on this machine only. The token goes nowhere.

Microsoft identity platform, "Access token claims reference": `oid`, `appid` (`azp` in version 2),
`tid`, `roles` for an application's permissions, `scp` for a person's, `groups` where the resource
asks for them and there are few enough (`hasgroups` and `_claim_names` say that there are more).
"""

import base64
import binascii
from collections.abc import Mapping

import orjson

from services.scanner.domain.permission_facts import Identity
from shared.clouds.errors import UnexpectedAnswerError

Claims = Mapping[str, object]


def claims_of(token: str) -> Claims:
    """Return a token's claims. Its signature is the services' to check, not ours.

    Raises `UnexpectedAnswerError`, without a word of the token, when it cannot be read.
    """
    try:
        payload = token.split(".")[1]
        found = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        raise _mute() from None
    if not isinstance(found, dict):
        raise _mute()
    return found


def identity_of(arm: Claims, graph: Claims | None) -> Identity:
    """Return whom the management API's token names, with the roles in Microsoft Graph's.

    Raises `UnexpectedAnswerError` for a token that names nobody.
    """
    object_id = arm.get("oid")
    if not isinstance(object_id, str) or not object_id:
        raise _mute()
    return Identity(
        object_id=object_id,
        client_id=str(arm.get("appid") or arm.get("azp") or ""),
        tenant_id=str(arm.get("tid") or ""),
        is_application="scp" not in arm,
        groups=_groups(arm),
        graph_roles=None if graph is None or "scp" in graph else _words(graph.get("roles")),
    )


def _mute() -> UnexpectedAnswerError:
    return UnexpectedAnswerError(
        "The identity's token does not say whose it is.",
        remedy="Check that nothing between here and the identity endpoint changes answers.",
    )


def _groups(claims: Claims) -> frozenset[str] | None:
    if "groups" not in claims or claims.get("hasgroups") or "_claim_names" in claims:
        return None
    return frozenset(word.lower() for word in _words(claims["groups"]))


def _words(found: object) -> frozenset[str]:
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()
