"""The types of resources that open to whoever has one of their keys, a row for each.

Azure REST API reference: Storage Accounts, Database Accounts (Cosmos DB), Namespaces -
Authorization Rules (Service Bus, Event Hubs), Redis, Accounts (Cognitive Services): "List Keys" and
"Regenerate Key".
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.names import DataPlane


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedType:
    """How one type of resource names, shows and renews its keys.

    `slots` gives for each word by which a key is renewed the name under which it is listed; `field`
    is where a request says the word. `of_rules`: the keys belong to the authorization rules below
    the resource. `busy` is how a second change at the same time is refused, and `unknown` how a
    word that is none: status, code and message. `seconds` is how long a change goes on after it was
    accepted; 0 answers when it is done. `plane` is where the keys open something, None: not by
    HTTP.
    """

    type: str
    versions: tuple[str, ...]
    field: str
    slots: Mapping[str, str]
    busy: tuple[int, str, str]
    unknown: tuple[str, str]
    plane: DataPlane | None
    regenerate: str = "regenerateKey"
    of_rules: bool = False
    as_list: bool = False
    key_bytes: int = 32
    hexadecimal: bool = False
    seconds: float = 0.0

    def written(self, raw: bytes) -> str:
        """Return a key's bytes as the service writes them."""
        return raw.hex() if self.hexadecimal else base64.b64encode(raw).decode()


_BUS_VERSIONS: Final = ("2021-11-01", "2022-10-01-preview", "2023-01-01-preview", "2024-01-01")
_BUS_SLOTS: Final = {"PrimaryKey": "primaryKey", "SecondaryKey": "secondaryKey"}
_BUS_BUSY: Final = (
    409,
    "Conflict",
    (
        "SubCode=40901. Another conflicting operation is in progress. To know more visit"
        " https://aka.ms/sbResourceMgrExceptions."
    ),
)
_BUS_UNKNOWN: Final = ("BadRequest", "SubCode=40000. The value of 'keyType' is not valid.")

STORAGE: Final = KeyedType(
    type="Microsoft.Storage/storageAccounts",
    versions=("2022-09-01", "2023-01-01", "2023-04-01", "2023-05-01", "2024-01-01"),
    field="keyName",
    slots={"key1": "key1", "key2": "key2"},
    busy=(
        409,
        "StorageAccountOperationInProgress",
        (
            "An operation is currently performing on this storage account that requires exclusive"
            " access."
        ),
    ),
    unknown=(
        "InvalidValuesForRequestParameters",
        "Values for request parameters are invalid: keyName.",
    ),
    plane="blob",
    as_list=True,
    key_bytes=64,
)
COSMOS: Final = KeyedType(
    type="Microsoft.DocumentDB/databaseAccounts",
    versions=("2023-04-15", "2023-11-15", "2024-05-15", "2024-08-15", "2024-11-15"),
    field="keyKind",
    slots={
        "primary": "primaryMasterKey",
        "secondary": "secondaryMasterKey",
        "primaryReadonly": "primaryReadonlyMasterKey",
        "secondaryReadonly": "secondaryReadonlyMasterKey",
    },
    busy=(
        412,
        "PreconditionFailed",
        (
            "There is already an operation in progress which requires exclusive lock on this"
            " service {name}. Please retry the operation after sometime."
        ),
    ),
    unknown=("BadRequest", "The value of 'keyKind' is not valid."),
    plane="documents",
    key_bytes=64,
    seconds=0.2,
)
SERVICE_BUS: Final = KeyedType(
    type="Microsoft.ServiceBus/namespaces",
    versions=_BUS_VERSIONS,
    field="keyType",
    slots=_BUS_SLOTS,
    busy=_BUS_BUSY,
    unknown=_BUS_UNKNOWN,
    plane="bus",
    regenerate="regenerateKeys",
    of_rules=True,
)
EVENT_HUBS: Final = KeyedType(
    type="Microsoft.EventHub/namespaces",
    versions=_BUS_VERSIONS,
    field="keyType",
    slots=_BUS_SLOTS,
    busy=_BUS_BUSY,
    unknown=_BUS_UNKNOWN,
    plane="bus",
    regenerate="regenerateKeys",
    of_rules=True,
)
REDIS: Final = KeyedType(
    type="Microsoft.Cache/redis",
    versions=("2023-04-01", "2023-08-01", "2024-03-01", "2024-11-01"),
    field="keyType",
    slots={"Primary": "primaryKey", "Secondary": "secondaryKey"},
    busy=(
        409,
        "Conflict",
        (
            "The resource '{id}' is busy processing a previous update request or is undergoing"
            " system maintenance. As such, it is currently unable to accept the update request."
            " Please try again later."
        ),
    ),
    unknown=("InvalidRequestBody", "The value of 'keyType' is not valid."),
    plane=None,
)
COGNITIVE: Final = KeyedType(
    type="Microsoft.CognitiveServices/accounts",
    versions=("2022-12-01", "2023-05-01", "2024-10-01"),
    field="keyName",
    slots={"Key1": "key1", "Key2": "key2"},
    busy=(
        409,
        "RequestConflict",
        "Another operation is being performed on the resource '{id}'. Please retry later.",
    ),
    unknown=("InvalidKeyName", "The value of 'keyName' is not valid."),
    plane="cognitive",
    key_bytes=16,
    hexadecimal=True,
)

KEYED_TYPES: Final = {
    row.type.lower(): row for row in (STORAGE, COSMOS, SERVICE_BUS, EVENT_HUBS, REDIS, COGNITIVE)
}
