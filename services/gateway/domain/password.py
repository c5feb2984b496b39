"""Which passwords are accepted: long ones, without rules about characters.

After NIST SP 800-63B and OWASP ASVS 6.2: at least 12 characters, at most 128, no composition
rules, nothing that is easy to guess here (the product's name, the user's), nothing that takes few
guesses by somebody who knows the lists of common passwords and their disguises.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

SHORTEST: Final = 12
LONGEST: Final = 128
# zxcvbn's own bound for what withstands guessing at an unthrottled door; ours is throttled.
FEWEST_GUESSES: Final = 10**8
_SHORTEST_WORD: Final = 4
_PRODUCT: Final = ("certifyclouds", "certify clouds", "certify-clouds")


def refusal(password: str, *, guesses: float, context: Iterable[str] = ()) -> str | None:
    """Return why the password is not accepted, as a sentence, or None if it is.

    `guesses` is how many tries it would take; `context` are words that somebody would guess first
    here, such as the user's name.
    """
    text = normalise(password)
    folded = text.casefold()
    if len(text) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters; a few words make a good one."
    if len(text) > LONGEST:
        return f"The password may have at most {LONGEST} characters."
    if any(word in folded for word in words_to_avoid(context)):
        return "The password must not contain your name or the product's."
    if guesses < FEWEST_GUESSES:
        return (
            "This password is among the first that are tried; a few words that do not belong"
            " together make a good one."
        )
    return None


def normalise(password: str) -> str:
    """Return the password in Unicode form NFKC, so that each keyboard means the same."""
    return unicodedata.normalize("NFKC", password)


def words_to_avoid(context: Iterable[str]) -> list[str]:
    """Return the words that no password may contain: the product's name, and long ones of ours."""
    own = [word.strip().casefold() for word in context]
    return [*_PRODUCT, *(word for word in own if len(word) >= _SHORTEST_WORD)]
