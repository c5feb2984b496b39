"""Reading a selector's text; what cannot be read is refused with its place."""

from dataclasses import dataclass
from typing import Final

from shared.events import ItemKind
from shared.selector.errors import SelectorError
from shared.selector.facts import Field
from shared.selector.patterns import ESCAPE, WILD, Expression, Glob, Pattern, PatternError
from shared.selector.terms import BLANKS, Selector, Tag, Term

MOST_CHARACTERS: Final = 2000
MOST_VALUES: Final = 100
STATUSES: Final = (
    "disabled",
    "not_yet_active",
    "no_expiry",
    "expired",
    "critical",
    "warning",
    "healthy",
)
SOURCES: Final = ("vault", "directory")
_WORDS: Final = {
    Field.KIND: tuple(kind.value for kind in ItemKind),
    Field.STATUS: STATUSES,
    Field.SOURCE: SOURCES,
}
_OF_SOURCES: Final = (Field.SUB, Field.VAULT, Field.REGION, Field.SOURCE, Field.TAG)


def parse(text: str) -> Selector:
    """Return the selector that a text means. Raises `SelectorError`, and nothing else."""
    _check(text)
    return Selector(tuple(term for _, term in _terms(_Reader(text))))


def parse_scope(text: str) -> Selector:
    """Return a selector of vaults. Raises `SelectorError` also for a term about single items.

    A vault's listing is read whole or not at all, so a scan cannot be narrowed by what is in it.
    """
    _check(text)
    found = _terms(_Reader(text))
    for position, term in found:
        if term.field not in _OF_SOURCES:
            raise SelectorError(
                position,
                f"“{term.field}” is about single items, and a vault is read whole or not at all:"
                f" narrow by {', '.join(_OF_SOURCES)}.",
            )
    return Selector(tuple(term for _, term in found))


def _check(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise SelectorError(MOST_CHARACTERS + 1, f"use at most {MOST_CHARACTERS} characters.")
    for position, character in enumerate(text, start=1):
        if not character.isprintable() and character not in BLANKS:
            raise SelectorError(position, "use printable characters only.")


@dataclass(slots=True)
class _Reader:
    """A text and how far it was read."""

    text: str
    at: int = 0

    def next(self) -> str:
        """Return the next character without reading it; nothing at the end."""
        return self.text[self.at : self.at + 1]

    def take(self, character: str) -> bool:
        """Read a character if it is the next one."""
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True

    def blanks(self) -> None:
        while self.next() and self.next() in BLANKS:
            self.at += 1

    def refusal(self, expected: str, at: int | None = None) -> SelectorError:
        return SelectorError((self.at if at is None else at) + 1, expected)


def _terms(reader: _Reader) -> list[tuple[int, Term]]:
    found: list[tuple[int, Term]] = []
    values = 0
    reader.blanks()
    while reader.next():
        found.append((reader.at + 1, _term(reader)))
        values += len(found[-1][1].values)
        if values > MOST_VALUES:
            raise reader.refusal(f"use at most {MOST_VALUES} values.")
        if reader.next() and reader.next() not in BLANKS:
            raise reader.refusal("expected a space, or a comma and another value.")
        reader.blanks()
    return found


def _term(reader: _Reader) -> Term:
    negated = reader.take("-")
    field = _field(reader)
    values = [_value(reader, field)]
    while reader.take(","):
        values.append(_value(reader, field))
    return Term(field=field, values=tuple(values), negated=negated)


def _field(reader: _Reader) -> Field:
    start = reader.at
    while reader.next().isalpha():
        reader.at += 1
    word = reader.text[start : reader.at]
    if word not in set(Field):
        raise reader.refusal(f"expected one of {', '.join(Field)}, followed by “:”.", start)
    if not reader.take(":"):
        raise reader.refusal("expected “:” and a value.")
    return Field(word)


def _value(reader: _Reader, field: Field) -> Pattern | Tag:
    if field is Field.TAG:
        key = _pattern(reader, BLANKS + ",=")
        return Tag(key, _pattern(reader, BLANKS + ",", empty=True) if reader.take("=") else None)
    start = reader.at
    pattern = _pattern(reader, BLANKS + ",")
    words = _WORDS.get(field)
    if words and not (isinstance(pattern, Glob) and pattern.pattern in words):
        raise reader.refusal(f"expected one of {', '.join(words)}.", start)
    return pattern


def _pattern(reader: _Reader, ends: str, *, empty: bool = False) -> Pattern:
    """Read one value: `/…/`, `"…"`, or all up to one of `ends`."""
    if reader.next() == "/":
        return _expression(reader)
    if reader.take('"'):
        start = reader.at - 1
        text = _literal(reader, '"')
        if not reader.take('"'):
            raise reader.refusal('expected a closing “"” for this one.', start)
        return Glob(text)
    text = _literal(reader, ends + '"')
    if not text and not empty:
        raise reader.refusal("expected a value.")
    return Glob(text)


def _literal(reader: _Reader, ends: str) -> str:
    parts: list[str] = []
    while (character := reader.next()) and character not in ends:
        reader.at += 1
        if character == ESCAPE:
            character = reader.next()
            if not character:
                raise reader.refusal("expected a character after “\\”.")
            reader.at += 1
            parts.append(ESCAPE + character if character in WILD + ESCAPE else character)
        else:
            parts.append(character)
    return "".join(parts)


def _expression(reader: _Reader) -> Expression:
    start = reader.at
    reader.at += 1
    while (character := reader.next()) and character != "/":
        reader.at += 2 if character == ESCAPE else 1
    source = reader.text[start + 1 : reader.at]
    if not reader.take("/"):
        raise reader.refusal("expected a closing “/” for this one.", start)
    try:
        return Expression(source)
    except PatternError as error:
        raise reader.refusal(f"this regular expression cannot be used: {error}.", start) from None
