"""A second factor: a code from a device, or one of the recovery codes; each is good once."""

import secrets
from base64 import b32encode
from enum import StrEnum
from typing import Final

DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_GROUP: Final = 4


class Outcome(StrEnum):
    """How it went to ask somebody for a second factor."""

    NOT_SET = "not_set"
    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"


def is_from_device(code: str) -> bool:
    """Say whether a code looks like a device's; anything else can only be a recovery code."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def plain(code: str) -> str:
    """Return a code without what people put into it for reading."""
    return "".join(code.split()).replace("-", "").upper()


def new_recovery_codes() -> list[str]:
    """Return ten codes of 80 random bits, in groups that can be copied by hand."""
    return [
        _grouped(b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode())
        for _ in range(RECOVERY_CODES)
    ]


def _grouped(text: str) -> str:
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
