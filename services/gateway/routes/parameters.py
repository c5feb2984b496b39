"""Query parameters that several lists share."""

from typing import Annotated, Final

from fastapi import Header, Query
from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from services.gateway.domain.filters import is_storable
from shared.selector import parse_scope

Limit = Annotated[int, Query(ge=1, le=500, description="How many rows at most.")]
CursorText = Annotated[
    str | None,
    Query(max_length=2000, description="`meta.next_cursor` of the page before."),
]
LARGEST_INTEGER: Final = 2**31 - 1
# The database holds no NUL.
STORABLE: Final = r"^[^\x00]*$"
Words = Annotated[list[str], Query(max_length=50)]

SubscriptionIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100, pattern=STORABLE)]],
    Field(max_length=1000),
]


Username = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


def _whole(secret: SecretStr) -> SecretStr:
    """Refuse half a character: it has no bytes that could be hashed."""
    if not is_storable(secret.get_secret_value().replace("\0", "")):
        raise ValueError("it holds half a character; type it again")
    return secret


Code = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        pattern=STORABLE,
        description="What the second factor's device shows, or a recovery code.",
    ),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=512), AfterValidator(_whole)]


def _scope(text: str) -> str:
    return str(parse_scope(text))


ScopeText = Annotated[
    str,
    AfterValidator(_scope),
    Field(description="Only the vaults (and the directory) that this selector means."),
]

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=500, pattern=STORABLE),
    Field(description="In words, for whoever decides and for the audit log."),
]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Sent again, the same request is not done again and gets the same answer.",
    ),
]
