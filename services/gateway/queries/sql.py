"""Putting a statement together from constant parts; what comes from outside is a parameter."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, LiteralString

MARK = "?"


@dataclass(slots=True)
class Conditions:
    """The conditions of a WHERE clause and their parameters, numbered as they are added."""

    parts: list[LiteralString] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def add(self, part: LiteralString, *arguments: object) -> None:
        """Add a condition in which each `?` stands for the next argument."""
        self.parts.append(self.bind(part, *arguments))

    def bind(self, part: LiteralString, *arguments: object) -> LiteralString:
        """Return a part with its numbers in place, such as a LIMIT."""
        numbered: LiteralString = part
        for argument in arguments:
            self.arguments.append(argument)
            numbered = numbered.replace(MARK, _NUMBERS[len(self.arguments)], 1)
        return numbered

    def beside(self) -> "Conditions":
        """Return no conditions yet, for another clause of the same statement: numbers go on."""
        return Conditions(arguments=self.arguments)

    def where(self) -> LiteralString:
        return either(self.parts, " AND ", "true")


def either(
    parts: Iterable[LiteralString], word: LiteralString, nothing: LiteralString
) -> LiteralString:
    """Join conditions with AND or OR; `nothing` stands for no condition."""
    joined: LiteralString = word.join(parts)
    return joined or nothing


def statement(*parts: LiteralString) -> LiteralString:
    """Join the clauses of a statement."""
    return " ".join(parts)


_NUMBERS: tuple[LiteralString, ...] = (
    "",
    "$1",
    "$2",
    "$3",
    "$4",
    "$5",
    "$6",
    "$7",
    "$8",
    "$9",
    "$10",
    "$11",
    "$12",
    "$13",
    "$14",
    "$15",
    "$16",
    "$17",
    "$18",
    "$19",
    "$20",
    "$21",
    "$22",
    "$23",
    "$24",
    "$25",
    "$26",
    "$27",
    "$28",
    "$29",
    "$30",
)
