"""Azure's built-in roles, as far as this estate's identities need them.

Ids and actions: Microsoft Learn, "Azure built-in roles" (General, Security, Storage, Databases,
Integration, Analytics, AI + machine learning).
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Role:
    """A role: what it allows on resources, and on the data inside them, and what not of that.

    A custom role says where it may be assigned.
    """

    id: str
    name: str
    description: str
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    custom_at: tuple[str, ...] = ()

    def allows(self, action: str, *, data: bool) -> bool:
        patterns = self.data_actions if data else self.actions
        without = self.not_data_actions if data else self.not_actions
        return _matches(patterns, action) and not _matches(without, action)


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(_matcher(pattern).fullmatch(action) for pattern in patterns)


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE)


_VAULT: Final = "Microsoft.KeyVault/vaults"
_VAULT_READ: Final = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    f"{_VAULT}/*/read",
    "Microsoft.KeyVault/operations/read",
)

_MANAGED: Final = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.ResourceHealth/availabilityStatuses/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
)

_ALL: Final = (
    Role(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in"
        " Azure RBAC.",
        ("*",),
    ),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in"
        " Azure RBAC.",
        ("*",),
        (),
        (
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
            "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Subscription/enable/action",
        ),
    ),
    Role(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "Reader",
        "View all resources, but does not allow you to make any changes.",
        ("*/read",),
    ),
    Role(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        "Perform all data plane operations on a key vault and all objects in it.",
        _VAULT_READ,
        (f"{_VAULT}/*",),
    ),
    Role(
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        "Read metadata of key vaults and its certificates, keys, and secrets.",
        _VAULT_READ,
        (f"{_VAULT}/*/read", f"{_VAULT}/secrets/readMetadata/action"),
    ),
    Role(
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "Key Vault Secrets Officer",
        "Perform any action on the secrets of a key vault, except manage permissions.",
        _VAULT_READ,
        (f"{_VAULT}/secrets/*",),
    ),
    Role(
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        "Read secret contents.",
        (),
        (f"{_VAULT}/secrets/getSecret/action", f"{_VAULT}/secrets/readMetadata/action"),
    ),
    Role(
        "a4417e6f-fecd-4de8-b567-7b0420556985",
        "Key Vault Certificates Officer",
        "Perform any action on the certificates of a key vault, except manage permissions.",
        _VAULT_READ,
        (
            f"{_VAULT}/certificatecas/*",
            f"{_VAULT}/certificates/*",
            f"{_VAULT}/certificatecontacts/write",
        ),
    ),
    Role(
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "Key Vault Crypto Officer",
        "Perform any action on the keys of a key vault, except manage permissions.",
        _VAULT_READ,
        (f"{_VAULT}/keys/*", f"{_VAULT}/keyrotationpolicies/*"),
    ),
    Role(
        "12338af0-0e69-4776-bea7-57ae8d297424",
        "Key Vault Crypto User",
        "Perform cryptographic operations using keys.",
        (),
        (
            f"{_VAULT}/keys/read",
            f"{_VAULT}/keys/update/action",
            f"{_VAULT}/keys/backup/action",
            f"{_VAULT}/keys/encrypt/action",
            f"{_VAULT}/keys/decrypt/action",
            f"{_VAULT}/keys/wrap/action",
            f"{_VAULT}/keys/unwrap/action",
            f"{_VAULT}/keys/sign/action",
            f"{_VAULT}/keys/verify/action",
        ),
    ),
    Role(
        "81a9662b-bebf-436f-a333-f67b29880f12",
        "Storage Account Key Operator Service Role",
        "Storage Account Key Operators are allowed to list and regenerate keys on Storage Accounts",
        (
            "Microsoft.Storage/storageAccounts/listkeys/action",
            "Microsoft.Storage/storageAccounts/regeneratekey/action",
        ),
    ),
    Role(
        "5bd9cd88-fe45-4216-938b-f97437e15450",
        "DocumentDB Account Contributor",
        "Lets you manage DocumentDB accounts, but not access to them.",
        (
            *_MANAGED,
            "Microsoft.DocumentDb/databaseAccounts/*",
            "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
        ),
    ),
    Role(
        "090c5cfd-751d-490a-894a-3ce6f1109419",
        "Azure Service Bus Data Owner",
        "Allows for full access to Azure Service Bus resources.",
        ("Microsoft.ServiceBus/*",),
        ("Microsoft.ServiceBus/*",),
    ),
    Role(
        "f526a384-b230-433a-b45c-95f59c4a2dec",
        "Azure Event Hubs Data Owner",
        "Allows for full access to Azure Event Hubs resources.",
        ("Microsoft.EventHub/*",),
        ("Microsoft.EventHub/*",),
    ),
    Role(
        "e0f68234-74aa-48ed-b826-c38b57376e17",
        "Redis Cache Contributor",
        "Lets you manage Redis caches, but not access to them.",
        (*_MANAGED, "Microsoft.Cache/register/action", "Microsoft.Cache/redis/*"),
    ),
    Role(
        "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68",
        "Cognitive Services Contributor",
        "Lets you create, read, update, delete and manage keys of Cognitive Services.",
        (
            *_MANAGED,
            "Microsoft.CognitiveServices/*",
            "Microsoft.Features/features/read",
            "Microsoft.Features/providers/features/read",
            "Microsoft.Features/providers/features/register/action",
            "Microsoft.Insights/diagnosticSettings/*",
            "Microsoft.Insights/logDefinitions/read",
            "Microsoft.Insights/metricdefinitions/read",
            "Microsoft.Insights/metrics/read",
            "Microsoft.Resources/subscriptions/operationresults/read",
            "Microsoft.Resources/subscriptions/read",
        ),
    ),
)

ROLES: Final = {role.name: role for role in _ALL}
