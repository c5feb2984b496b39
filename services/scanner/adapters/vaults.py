"""A vault's description, the same whichever way it was found."""

import re
from datetime import datetime
from typing import Final

from services.scanner.adapters import wire
from services.scanner.domain.inventory import VaultRef
from shared.clouds.client import unexpected

_RESOURCE: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.KeyVault/vaults/([^/]+)",
    re.IGNORECASE,
)


def vault_ref(
    row: wire.Row, *, uri: str, sku: str, rbac: bool, created_on: datetime | None, what: str
) -> VaultRef:
    """Return the vault that a row describes.

    Resource Graph and the management API write ids with different capitals. The id is in lower case
    here, so that a vault stays the same vault whichever of them answers.
    """
    resource_id = wire.text(row, "id", what)
    parts = _RESOURCE.fullmatch(resource_id)
    if parts is None:
        raise unexpected(what, "a vault's `id` is not one")
    return VaultRef(
        resource_id=resource_id.lower(),
        name=wire.text(row, "name", what),
        uri=uri,
        subscription_id=parts[1].lower(),
        resource_group=parts[2],
        region=wire.text(row, "location", what),
        sku=sku,
        tags=wire.tags(row, what),
        rbac=rbac,
        created_on=created_on,
    )
