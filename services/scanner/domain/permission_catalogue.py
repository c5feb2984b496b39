"""Every operation on a vault and what it is to discovery: needed, harmless, or a danger.

Sources: Azure resource provider operations, Microsoft.KeyVault and Microsoft.Authorization; Key
Vault REST API, "Vaults: Create Or Update", the permissions of an access policy; Microsoft Learn,
"Use Key Vault to pass a secure parameter value" for `deploy/action`, and "Migrate to Azure RBAC"
for which access policy permission stands for which data action.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "Microsoft.KeyVault/vaults/"


class Danger(StrEnum):
    """Why discovery must not have a permission."""

    READS = "reads"
    """It gives a value away, or uses one: a key that decrypts or signs, a backup."""

    GRANTS = "grants"
    """Its holder could give itself a permission that reads."""

    WRITES = "writes"
    """It changes or deletes."""

    UNFAMILIAR = "unfamiliar"
    """This release does not know what it does."""

    @property
    def could_read(self) -> bool:
        """Whether its holder could come to a value."""
        return self in {Danger.READS, Danger.GRANTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a purpose needs: lists of a vault, and application permissions of Microsoft Graph."""

    lists: Mapping[str, str]
    graph: str


DISCOVERY: Final = Needed(
    lists={
        "secrets": f"{PREFIX}secrets/readMetadata/action",
        "keys": f"{PREFIX}keys/read",
        "certificates": f"{PREFIX}certificates/read",
    },
    graph="Application.Read.All",
)

READ_VAULTS: Final = f"{PREFIX}read"
READ_GRAPH: Final = "Microsoft.ResourceGraph/resources/read"
READ_ASSIGNMENTS: Final = "Microsoft.Authorization/roleAssignments/read"
READ_PERMISSIONS: Final = "Microsoft.Authorization/permissions/read"


def _named(reads: str, writes: str, harmless: str) -> dict[str, Danger | None]:
    """Return the danger of each word of three lists."""
    words: dict[str, Danger | None] = dict.fromkeys(reads.split(), Danger.READS)
    words |= dict.fromkeys(writes.split(), Danger.WRITES)
    return words | dict.fromkeys(harmless.split())


DATA: Final[Mapping[str, Danger | None]] = {
    PREFIX + name: danger
    for name, danger in _named(
        reads=(
            "secrets/getSecret/action secrets/backup/action secrets/restore/action"
            " keys/decrypt/action keys/unwrap/action keys/sign/action keys/release/action"
            " keys/backup/action keys/restore/action"
            " certificates/backup/action certificates/restore/action"
            " storageaccounts/regeneratekey/action storageaccounts/backup/action"
            " storageaccounts/restore/action"
        ),
        writes=(
            "secrets/setSecret/action secrets/update/action secrets/delete"
            " secrets/recover/action secrets/purge/action"
            " keys/create/action keys/import/action keys/update/action keys/rotate/action"
            " keys/delete keys/recover/action keys/purge/action keyrotationpolicies/write"
            " certificates/create/action certificates/import/action certificates/update/action"
            " certificates/delete certificates/recover/action certificates/purge/action"
            " certificatecas/write certificatecas/delete certificatecontacts/write"
            " storageaccounts/set/action storageaccounts/delete storageaccounts/recover/action"
            " storageaccounts/purge/action storageaccounts/sas/set/action"
            " storageaccounts/sas/delete"
        ),
        harmless=(
            "secrets/readMetadata/action keys/read keys/encrypt/action keys/wrap/action"
            " keys/verify/action keyrotationpolicies/read certificates/read certificatecas/read"
            " storageaccounts/read"
        ),
    ).items()
}
"""The data plane's operations; None is harmless: metadata, or the public half of a key."""

CONTROL: Final[Mapping[str, Danger]] = {
    f"{PREFIX}deploy/action": Danger.READS,
    "Microsoft.Authorization/roleAssignments/write": Danger.GRANTS,
    "Microsoft.Authorization/roleAssignmentScheduleRequests/write": Danger.GRANTS,
    "Microsoft.Authorization/roleDefinitions/write": Danger.GRANTS,
    "Microsoft.Authorization/elevateAccess/action": Danger.GRANTS,
    "Microsoft.Authorization/roleAssignments/delete": Danger.WRITES,
    f"{PREFIX}accessPolicies/write": Danger.WRITES,
    f"{PREFIX}write": Danger.WRITES,
    f"{PREFIX}delete": Danger.WRITES,
    f"{PREFIX}secrets/write": Danger.WRITES,
    f"{PREFIX}keys/write": Danger.WRITES,
    "Microsoft.KeyVault/locations/deletedVaults/purge/action": Danger.WRITES,
}
"""The control plane's operations on a vault with RBAC that discovery must not have."""

SELF_GRANTING_WITH_POLICIES: Final = {
    f"{PREFIX}accessPolicies/write": Danger.GRANTS,
    f"{PREFIX}write": Danger.GRANTS,
}

POLICY: Final[Mapping[str, Mapping[str, Danger | None]]] = {
    "secrets": _named(
        reads="get backup restore", writes="set delete recover purge", harmless="list"
    ),
    "keys": _named(
        reads="decrypt unwrapkey sign release backup restore",
        writes="create import update delete recover purge rotate setrotationpolicy",
        harmless="get list encrypt verify wrapkey getrotationpolicy",
    ),
    "certificates": _named(
        reads="backup restore",
        writes=(
            "create import update delete recover purge managecontacts manageissuers setissuers"
            " deleteissuers"
        ),
        harmless="get list getissuers listissuers",
    ),
    "storage": _named(
        reads="getsas regeneratekey backup restore",
        writes="set setsas update delete deletesas recover purge",
        harmless="get list listsas",
    ),
}
"""The words of an access policy, in lower case."""
