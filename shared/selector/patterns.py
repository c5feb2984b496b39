"""Patterns of values: globs and regular expressions, both matched in linear time.

Matching is RE2's, which does not backtrack: no pattern and no text can make it slow
(https://github.com/google/re2/wiki/Syntax). Upper and lower case are the same, as in Azure's names.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, TypeAlias, cast

import re2

WILD: Final = "*?"
ESCAPE: Final = "\\"
LONGEST_EXPRESSION: Final = 200
# RE2 compiles within this and refuses what needs more.
_MEMORY_BYTES: Final = 1 << 20


class PatternError(ValueError):
    """A regular expression that RE2 refuses; the message is its reason."""


class _Compiled(Protocol):
    def search(self, text: str) -> object | None: ...

    def fullmatch(self, text: str) -> object | None: ...


@dataclass(frozen=True, slots=True)
class Glob:
    r"""A text with `*` (any characters) and `?` (one character); `\` makes the next one literal.

    `pattern` holds no other escapes than `\*`, `\?` and `\\`, so equal globs have equal texts.
    """

    pattern: str

    def matches(self, text: str) -> bool:
        """Say whether the whole text fits."""
        return _compile(_translate(self.pattern)).fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression in RE2's syntax. Raises `PatternError` when it is none."""

    source: str

    def __post_init__(self) -> None:
        """Refuse what RE2 cannot match in bounded time and memory."""
        if len(self.source) > LONGEST_EXPRESSION:
            raise PatternError(f"it is longer than {LONGEST_EXPRESSION} characters")
        _compile(self.source)

    def matches(self, text: str) -> bool:
        """Say whether the text holds a match anywhere; `^` and `$` bind it to the ends."""
        return _compile(self.source).search(text) is not None


Pattern: TypeAlias = Glob | Expression


@lru_cache(maxsize=1024)
def _translate(glob: str) -> str:
    parts = []
    characters = iter(glob)
    for character in characters:
        if character == ESCAPE:
            parts.append(re2.escape(next(characters, ESCAPE)))
        elif character in WILD:
            parts.append(".*" if character == "*" else ".")
        else:
            parts.append(re2.escape(character))
    return "".join(parts)


@lru_cache(maxsize=1024)
def _compile(source: str) -> _Compiled:
    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        return cast("_Compiled", re2.compile(source, options))
    except re2.error as error:
        reason = error.args[0]
        raise PatternError(
            reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        ) from None
