"""Azure resources that open to whoever has one of their two keys: which types, and their ids.

Azure Resource Manager, "Resource ID format": `/subscriptions/…/resourceGroups/…/providers/<type>/
<name>`, without regard to case. The keys of Service Bus and Event Hubs belong to an authorization
rule of the namespace, `<namespace>/authorizationRules/<rule>`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

_NAMED: Final = ("key1", "key2")
_RANKED: Final = ("primary", "secondary")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedType:
    """A type of resource. `kind` is what its keys are called here, `slots` what each of them is.

    `of_rules`: the keys belong to the authorization rules below the resource.
    """

    kind: str
    type: str
    slots: tuple[str, str]
    of_rules: bool = False

    def other(self, slot: str) -> str | None:
        """Return the slot beside this one; None if there is no such slot."""
        first, second = self.slots
        return {first: second, second: first}.get(slot)


STORAGE: Final = KeyedType(
    kind="storage_key", type="microsoft.storage/storageaccounts", slots=_NAMED
)
COSMOS: Final = KeyedType(
    kind="cosmos_key", type="microsoft.documentdb/databaseaccounts", slots=_RANKED
)
SERVICE_BUS: Final = KeyedType(
    kind="service_bus_key",
    type="microsoft.servicebus/namespaces",
    slots=_RANKED,
    of_rules=True,
)
EVENT_HUBS: Final = KeyedType(
    kind="event_hubs_key", type="microsoft.eventhub/namespaces", slots=_RANKED, of_rules=True
)
COGNITIVE: Final = KeyedType(
    kind="cognitive_key", type="microsoft.cognitiveservices/accounts", slots=_NAMED
)
KEYED_TYPES: Final[Mapping[str, KeyedType]] = {
    row.type: row for row in (STORAGE, COSMOS, SERVICE_BUS, EVENT_HUBS, COGNITIVE)
}

_ID: Final = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})"
    r"/resourcegroups/(?P<group>[\w.()-]{1,90})"
    r"/providers/(?P<type>microsoft\.[a-z]+/[a-z]+)/(?P<name>[a-z0-9-]{1,63})"
    r"(?:/authorizationrules/(?P<rule>[a-z0-9._-]{1,256}))?"
)


@dataclass(frozen=True, slots=True)
class KeyedResource:
    """What has two keys. As a text it is the resource's id, or its rule's, in small letters."""

    subscription_id: str
    group: str
    type: KeyedType
    name: str
    rule: str | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read an id; None for another form, another type, or half of a rule's."""
        found = _ID.fullmatch(text.strip().rstrip("/").lower())
        row = KEYED_TYPES.get(found["type"]) if found else None
        if found is None or row is None or row.of_rules != (found["rule"] is not None):
            return None
        return cls(found["subscription"], found["group"], row, found["name"], found["rule"])

    def __str__(self) -> str:
        rule = f"/authorizationrules/{self.rule}" if self.rule else ""
        return (
            f"/subscriptions/{self.subscription_id}/resourcegroups/{self.group}"
            f"/providers/{self.type.type}/{self.name}{rule}"
        )
