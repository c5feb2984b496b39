"""Whether a SECRET_KEY can be guessed: too short, a sample from some manual, or a pattern.

Nobody can measure how random a text is. What is refused is what people are known to put there. Of
32 random hexadecimal digits less than one key in a million is refused by chance.
"""

import hashlib
import re
from itertools import pairwise
from typing import Final

MINIMUM_BYTES: Final = 32
LEAST_CHARACTERS: Final = 8
LEAST_SURPRISES: Final = 11
LONGEST_REPEATED: Final = 16

# Six letters at least: a random key holds such a word once in tens of millions.
_WORDS: Final = (
    "changeme",
    "changeit",
    "changethis",
    "secret",
    "example",
    "default",
    "password",
    "passphrase",
    "sample",
    "placeholder",
    "insecure",
    "replaceme",
    "replacethis",
    "yourkey",
    "mykeyis",
    "letmein",
    "qwerty",
    "asdfgh",
    "zxcvbn",
    "deadbeef",
    "certifyclouds",
    "opensslrand",
    "fortests",
    "testing",
)
_HASHED: Final = ("password", "secret", "changeme", "admin", "test", "example", "default", "")
_KNOWN_DIGESTS: Final = frozenset(
    hashlib.new(name, word.encode(), usedforsecurity=False).hexdigest()
    for name in ("md5", "sha1", "sha256", "sha512")
    for word in _HASHED
)


def weakness(key: str) -> str | None:
    """Return why a key must not be used, as the end of a sentence; None for one that may."""
    if len(key.encode()) < MINIMUM_BYTES:
        return f"it has fewer than {MINIMUM_BYTES} bytes"
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    if any(word in plain for word in _WORDS) or any(known in plain for known in _KNOWN_DIGESTS):
        return "it is a sample value that others know"
    if len(set(key)) < LEAST_CHARACTERS or surprises(key) < LEAST_SURPRISES or _repeats(key):
        return "it is a pattern that can be guessed"
    return None


def _repeats(key: str) -> bool:
    """Say whether a short text is written again and again."""
    return any(key[length:] == key[:-length] for length in range(1, LONGEST_REPEATED + 1))


def surprises(text: str) -> int:
    """Count the characters that do not follow from what stands before them.

    One that repeats its neighbour, or comes before or after it in the alphabet, follows; so does
    one that ends three characters which stood there already.

    >>> surprises("aaaaaaaa"), surprises("abcdefgh"), surprises("x1x1x1x1"), surprises("k3v9q0zt")
    (0, 0, 3, 7)
    """
    seen: set[str] = set()
    count = 0
    for place, (before, here) in enumerate(pairwise(text), start=1):
        three = text[max(0, place - 2) : place + 1]
        if abs(ord(here) - ord(before)) > 1 and three not in seen:
            count += 1
        seen.add(three)
    return count
