"""What a selector is made of, how it is decided, and the one text that it is written as."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from shared.selector.facts import Facts, Field, Verdict
from shared.selector.patterns import Expression, Glob, Pattern

BLANKS: Final = " \t\r\n"
# A text with one of these, or none at all, is written in quotes.
_QUOTED: Final = frozenset(BLANKS + ',"')


@dataclass(frozen=True, slots=True)
class Tag:
    """One value of a `tag` term: a key, and what its value is; None: any value."""

    key: Pattern
    value: Pattern | None = None

    def matches(self, tags: AbstractSet[tuple[str, str]]) -> bool:
        return any(
            self.key.matches(key) and (self.value is None or self.value.matches(value))
            for key, value in tags
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A field and its alternatives; negated it applies where none of them does."""

    field: Field
    values: tuple[Pattern | Tag, ...]
    negated: bool = False

    def verdict(self, facts: Facts) -> Verdict:
        """Decide from the facts; unknown where the field's fact is unknown."""
        found = self._applies(facts)
        if found is None:
            return Verdict.UNKNOWN
        verdict = Verdict.YES if found else Verdict.NO
        return ~verdict if self.negated else verdict

    def _applies(self, facts: Facts) -> bool | None:
        if self.field is Field.TAG:
            tags = facts.tag_pairs
            if tags is None:
                return None
            return any(value.matches(tags) for value in self.values if isinstance(value, Tag))
        words = facts.known.get(self.field)
        if words is None:
            return None
        patterns = [value for value in self.values if not isinstance(value, Tag)]
        return any(pattern.matches(word) for pattern in patterns for word in words)

    def __str__(self) -> str:
        """Return the term as it is written."""
        values = ",".join(_written(value) for value in self.values)
        return f"{'-' if self.negated else ''}{self.field}:{values}"


@dataclass(frozen=True, slots=True)
class Selector:
    """Terms that must all apply; none at all means everything."""

    terms: tuple[Term, ...] = ()

    def verdict(self, facts: Facts) -> Verdict:
        """Decide: no if one term says no, else unknown if one term is unknown, else yes."""
        verdicts = {term.verdict(facts) for term in self.terms}
        for verdict in (Verdict.NO, Verdict.UNKNOWN):
            if verdict in verdicts:
                return verdict
        return Verdict.YES

    def __bool__(self) -> bool:
        """Say whether the selector narrows anything."""
        return bool(self.terms)

    def __str__(self) -> str:
        """Return the canonical text: parsed again it is this selector."""
        return " ".join(str(term) for term in self.terms)


def _written(value: Pattern | Tag) -> str:
    if not isinstance(value, Tag):
        return _pattern(value)
    key = _pattern(value.key, also="=")
    return key if value.value is None else f"{key}={_pattern(value.value)}"


def _pattern(pattern: Pattern, also: Iterable[str] = ()) -> str:
    if isinstance(pattern, Expression):
        return f"/{pattern.source}/"
    return _glob(pattern, _QUOTED.union(also))


def _glob(glob: Glob, quoted: frozenset[str]) -> str:
    text = glob.pattern
    if text and not text.startswith("/") and quoted.isdisjoint(text):
        return text
    return '"' + text.replace('"', '\\"') + '"'
