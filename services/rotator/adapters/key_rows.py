"""How Resource Manager names, lists and renews the keys of each type of resource: a row for each.

Azure REST API reference: "Storage Accounts - List Keys" and "- Regenerate Key", "Database Accounts
- List Keys" and "- Regenerate Key" (Cosmos DB), "Namespaces - List Keys" and "- Regenerate Keys"
(Service Bus, Event Hubs), "Accounts - List Keys" and "- Regenerate Key" (Cognitive Services).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from services.rotator.adapters import key_proofs
from services.rotator.adapters.key_proofs import Proof
from shared.clouds import wire
from shared.clouds.deeds import What
from shared.keyed_resources import COGNITIVE, COSMOS, EVENT_HUBS, SERVICE_BUS, STORAGE, KeyedType

Reading = Callable[[wire.Row, What], str | None]
_SIGNED: Final = (
    "Whatever was signed with a key ends when that key is renewed, shared access signatures above"
    " all; nobody lists those that there are."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One type. `version` is the API's; `asked` says in which field of a request, by which word.

    `words` gives for each slot the word by which it is renewed and the name under which it is
    listed. `role` is the sentence on what the identity needs. `refusal` reads the resource (or its
    rule) and says why its keys cannot be rotated; None: it need not be read.
    """

    type: KeyedType
    version: str
    asked: str
    words: Mapping[str, tuple[str, str]]
    role: str
    proof: Proof
    regenerate: str = "regenerateKey"
    as_list: bool = False
    refusal: Reading | None = None
    warnings: tuple[str, ...] = ()


def _of_rule(row: wire.Row, what: What) -> str | None:
    rights = wire.texts(wire.part(row, "properties", what), "rights", what)
    if "Manage" in rights:
        return None
    return (
        "This authorization rule has no right to manage, and without it no request proves a key"
        " and changes nothing. Let the applications use a rule with that right, or rotate by hand."
    )


def _of_cognitive(row: wire.Row, what: What) -> str | None:
    kind = wire.text_or_empty(row, "kind", what)
    properties = wire.part(row, "properties", what)
    if kind not in _KINDS:
        return f"A key of an account of the kind “{kind}” cannot be proven by this release."
    subdomain = wire.text_or_empty(properties, "customSubDomainName", what)
    if subdomain.lower() != wire.text(row, "name", what).lower():
        return (
            "This account has no subdomain of its own name, and its keys are proven there. Give it"
            " one (az cognitiveservices account update --custom-domain)."
        )
    return None


_KINDS: Final = frozenset({"CognitiveServices", "ComputerVision"})
_RULES: Final = {
    "primary": ("PrimaryKey", "primaryKey"),
    "secondary": ("SecondaryKey", "secondaryKey"),
}


def _role(name: str, role_id: str, scope: str) -> str:
    return f"Assign the role {name} ({role_id}) on this {scope} to the identity that rotates."


ROWS: Final = (
    KeyRow(
        type=STORAGE,
        version="2023-05-01",
        asked="keyName",
        words={"key1": ("key1", "key1"), "key2": ("key2", "key2")},
        role=_role(
            "Storage Account Key Operator Service Role",
            "81a9662b-bebf-436f-a333-f67b29880f12",
            "storage account",
        ),
        proof=key_proofs.STORAGE,
        as_list=True,
        warnings=(_SIGNED,),
    ),
    KeyRow(
        type=COSMOS,
        version="2024-11-15",
        asked="keyKind",
        words={
            "primary": ("primary", "primaryMasterKey"),
            "secondary": ("secondary", "secondaryMasterKey"),
        },
        role=_role(
            "DocumentDB Account Contributor",
            "5bd9cd88-fe45-4216-938b-f97437e15450",
            "database account",
        ),
        proof=key_proofs.COSMOS,
    ),
    KeyRow(
        type=SERVICE_BUS,
        version="2024-01-01",
        asked="keyType",
        words=_RULES,
        role=_role(
            "Azure Service Bus Data Owner", "090c5cfd-751d-490a-894a-3ce6f1109419", "namespace"
        ),
        proof=key_proofs.SERVICE_BUS,
        regenerate="regenerateKeys",
        refusal=_of_rule,
        warnings=(_SIGNED,),
    ),
    KeyRow(
        type=EVENT_HUBS,
        version="2024-01-01",
        asked="keyType",
        words=_RULES,
        role=_role(
            "Azure Event Hubs Data Owner", "f526a384-b230-433a-b45c-95f59c4a2dec", "namespace"
        ),
        proof=key_proofs.EVENT_HUBS,
        regenerate="regenerateKeys",
        refusal=_of_rule,
        warnings=(_SIGNED,),
    ),
    KeyRow(
        type=COGNITIVE,
        version="2024-10-01",
        asked="keyName",
        words={"key1": ("Key1", "key1"), "key2": ("Key2", "key2")},
        role=_role(
            "Cognitive Services Contributor", "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68", "account"
        ),
        proof=key_proofs.COGNITIVE,
        refusal=_of_cognitive,
    ),
)
