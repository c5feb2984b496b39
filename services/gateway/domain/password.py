"""Which passwords are accepted: long ones, without rules about characters.

After NIST SP 800-63B and OWASP ASVS 6.2: at least 12 characters, at most 128, no composition
rules, nothing that is easy to guess here (the product's name, the user's), nothing from the top of
the lists.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

SHORTEST: Final = 12
LONGEST: Final = 128
FEWEST_DIFFERENT: Final = 5
_SHORTEST_WORD: Final = 4
_PRODUCT: Final = ("certifyclouds", "certify clouds", "certify-clouds")
_COMMON: Final = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234",
        "123456789012345",
        "1234567890qwerty",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "1qaz2wsx3edc4rfv",
        "abcdefghijkl",
        "administrator",
        "administrator1",
        "changemechangeme",
        "changemenow!",
        "correcthorsebatterystaple",
        "iloveyouforever",
        "letmeinletmein",
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "qwerty123456",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdfghjkl",
        "qwertyuiopasdfghjklzxcvbnm",
        "welcome12345",
        "welcome123456",
    }
)


def refusal(password: str, *, context: Iterable[str] = ()) -> str | None:
    """Return why the password is not accepted, as a sentence, or None if it is.

    `context` are words that somebody would guess first here, such as the user's name.
    """
    text = normalise(password)
    folded = text.casefold()
    if len(text) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters; a few words make a good one."
    if len(text) > LONGEST:
        return f"The password may have at most {LONGEST} characters."
    if folded in _COMMON or len(set(folded)) < FEWEST_DIFFERENT:
        return "This password is among the first that are tried; choose another."
    if any(word in folded for word in _words(context)):
        return "The password must not contain your name or the product's."
    return None


def normalise(password: str) -> str:
    """Return the password in Unicode form NFKC, so that each keyboard means the same."""
    return unicodedata.normalize("NFKC", password)


def _words(context: Iterable[str]) -> list[str]:
    own = [word.strip().casefold() for word in context]
    return [*_PRODUCT, *(word for word in own if len(word) >= _SHORTEST_WORD)]
