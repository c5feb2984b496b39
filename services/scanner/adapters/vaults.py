"""A vault's description, the same whichever way it was found."""

import re
from typing import Final

from services.scanner.adapters.configuration import configuration
from services.scanner.domain.configuration import VaultConfiguration
from services.scanner.domain.inventory import VaultRef
from shared.clouds import wire
from shared.clouds.client import unexpected
from shared.clouds.errors import UnexpectedAnswerError
from shared.telemetry import get_logger

logger = get_logger(__name__)

_RESOURCE: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.KeyVault/vaults/([^/]+)",
    re.IGNORECASE,
)


def vault_ref(row: wire.Row, what: str) -> VaultRef:
    """Return the vault that a row describes.

    Resource Graph and the management API write ids with different capitals. The id is in lower case
    here, so that a vault stays the same vault whichever of them answers. Settings that cannot be
    understood leave the configuration unknown: they must not hide a vault, much less all of them.
    """
    resource_id = wire.text(row, "id", what)
    parts = _RESOURCE.fullmatch(resource_id)
    if parts is None:
        raise unexpected(what, "a vault's `id` is not one")
    properties = wire.part(row, "properties", what)
    made = wire.part(row, "systemData", what)
    settings, reason = _settings(properties, made, f"the settings of {parts[3]}")
    return VaultRef(
        resource_id=resource_id.lower(),
        name=wire.text(row, "name", what),
        uri=wire.text(properties, "vaultUri", what),
        subscription_id=parts[1].lower(),
        resource_group=parts[2],
        region=wire.text(row, "location", what),
        sku=wire.text_or_empty(wire.part(properties, "sku", what), "name", what),
        tags=wire.tags(row, what),
        rbac=wire.optional(properties, "enableRbacAuthorization", bool, what) or False,
        created_on=wire.iso_instant(made, "createdAt", what),
        configuration=settings,
        configuration_reason=reason,
    )


def _settings(
    properties: wire.Row, made: wire.Row, what: str
) -> tuple[VaultConfiguration | None, str | None]:
    try:
        return configuration(properties, made, what), None
    except UnexpectedAnswerError as error:
        logger.warning("a vault's settings cannot be understood", what=what, reason=str(error))
        return None, str(error)
