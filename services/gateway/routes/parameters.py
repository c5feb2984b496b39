"""Query parameters that several lists share."""

import re
from datetime import date
from typing import Annotated, Final

from fastapi import Header, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)

from services.gateway.domain import password
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
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(_DAY.pattern + r"[T ].*", re.ASCII)
Words = Annotated[list[Annotated[str, Field(pattern=STORABLE)]], Query(max_length=50)]

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


NewPassword = Annotated[
    Password,
    # Only told: the rules themselves count characters in their normal form.
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "minLength": password.SHORTEST,
            "maxLength": password.LONGEST,
        }
    ),
]


def _written(form: re.Pattern[str], example: str) -> BeforeValidator:
    """Refuse what is not written out: a bare number would count seconds since 1970."""

    def check(text: object) -> object:
        if isinstance(text, str) and not form.fullmatch(text):
            raise ValueError(f"write it as {example}")
        return text

    return BeforeValidator(check)


Day = Annotated[date, _written(_DAY, "2026-01-31")]
Instant = Annotated[AwareDatetime, _written(_INSTANT, "2026-01-31T12:00:00Z")]


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
