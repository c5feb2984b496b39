"""What a request was to do and for whom, in the words of an error's sentences and remedies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Verb:
    """The three forms of a verb that sentences need."""

    base: str
    gerund: str
    participle: str


LIST: Final = Verb("list", "listing", "listed")
READ: Final = Verb("read", "reading", "read")
WRITE: Final = Verb("write", "writing", "written")
ADD: Final = Verb("add", "adding", "added")
REMOVE: Final = Verb("remove", "removing", "removed")
RENEW: Final = Verb("renew", "renewing", "renewed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The identity that acts, and what it is given where something is missing.

    `grants` is the sentence on the role for each audience, `policy` that on a vault's access
    policies, `slower` what is done about being asked to slow down.
    """

    name: str
    grants: Mapping[str, str]
    policy: str
    slower: str


DISCOVERER: Final = Actor(
    name="the identity that discovers",
    grants={
        "vault": "Assign the role Key Vault Reader (21090545-7ca7-4776-b22c-e363652d74d2) on this"
        " vault or above it to the identity that discovers.",
        "arm": "Assign the role Reader (acdd72a7-3385-48ef-bd42-f606fba81ae7) on the subscription,"
        " or on the management group above it, to the identity that discovers.",
        "graph": "Grant the application permission Application.Read.All of Microsoft Graph to the"
        " identity that discovers, with an administrator's consent.",
    },
    policy="Add the List permission for secrets, keys and certificates to this vault's access"
    " policies for the identity that discovers.",
    slower="It is tried again later; lower the scan's budget if this happens often.",
)
ROTATOR: Final = Actor(
    name="the identity that rotates",
    grants={
        "vault": "Assign the role Key Vault Secrets Officer (b86a8fe4-44ce-4948-aee5-eccb2c155cd7)"
        " on this vault, or on the secret alone, to the identity that rotates.",
        "graph": "Make the identity that rotates an owner of the application and grant it the"
        " application permission Application.ReadWrite.OwnedBy of Microsoft Graph, with an"
        " administrator's consent; or grant Application.ReadWrite.All.",
    },
    policy="Add the permissions Get, List and Set for secrets to this vault's access policies for"
    " the identity that rotates.",
    slower="It is tried again later, not before the time that Azure named.",
)


@dataclass(frozen=True, slots=True)
class Deed:
    """`thing` is what is read or changed; `inside` is what would be missing if Azure knew none."""

    thing: str
    verb: Verb = LIST
    actor: Actor = DISCOVERER
    inside: str = ""

    def __str__(self) -> str:
        return self.thing

    @property
    def to_do(self) -> str:
        return f"{self.verb.base} {self.thing}"

    @property
    def doing(self) -> str:
        return f"{self.verb.gerund} {self.thing}"

    @property
    def not_done(self) -> str:
        return f"{self.thing} could not be {self.verb.participle}"

    @property
    def unknown(self) -> str:
        """What Azure does not know when it answers that something does not exist."""
        return self.inside or self.thing


What = str | Deed
"""What was asked for: a plain phrase is something that discovery lists."""


def deed(what: What) -> Deed:
    return what if isinstance(what, Deed) else Deed(what)
