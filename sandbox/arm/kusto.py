"""The part of the Kusto query language that queries about vaults use.

A table, then any number of `where`, `project`, `extend`, `order by` and `limit`. Conditions are
joined with `and`; they compare a column with a string, a number or a list of strings.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = dict[str, Any]
Step = Callable[[list[Row]], list[Row]]

TABLES: Final = ("resources", "resourcecontainers", "authorizationresources")
_FUNCTION: Final = re.compile(r"(tolower|toupper|tostring|tobool)\((.+)\)", re.IGNORECASE)
_PATH: Final = re.compile(r"[A-Za-z_][\w.]*(\['[^']+'\])?")
_CONDITION: Final = re.compile(
    r"(?P<left>.+?)\s*(?P<operator>=~|!~|==|!=|\bin~|\bin\b|\bcontains\b|\bstartswith\b)\s*"
    r"(?P<right>\(.*\)|'[^']*'|\"[^\"]*\"|true|false|\d+)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_EMPTY: Final = re.compile(r"isnotempty\((.+)\)", re.IGNORECASE)
_STRING: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_AND: Final = re.compile(r"\s+and\s+", re.IGNORECASE)
_BY: Final = re.compile(r"(?:order|sort)\s+by\s+(.+)", re.IGNORECASE | re.DOTALL)


class InvalidQueryError(Exception):
    """A query that this part of the language cannot say; the message names the step."""


@dataclass(frozen=True, slots=True)
class Query:
    """A table and what is done to its rows, one step after another."""

    table: str
    steps: tuple[Step, ...]
    shows_id: bool

    def run(self, tables: Mapping[str, list[Row]]) -> list[Row]:
        """Return the rows that the query finds; by id where it says no order."""
        rows = sorted(tables[self.table], key=lambda row: str(row["id"]).lower())
        for step in self.steps:
            rows = step(rows)
        return rows


def parse(text: str) -> Query:
    """Return the query that the text says, or raise `InvalidQueryError`."""
    table, *steps = (part.strip() for part in text.strip().split("|"))
    if table.lower() not in TABLES:
        raise InvalidQueryError(f"There is no table {table!r} here.")
    shows_id = True
    for step in steps:
        if step.lower().startswith("project "):
            shows_id = "id" in [name for name, _ in _assignments(step[len("project ") :])]
    return Query(table.lower(), tuple(_step(step) for step in steps), shows_id)


def _step(text: str) -> Step:
    word, _, rest = text.partition(" ")
    match word.lower():
        case "where":
            conditions = [_condition(part) for part in _AND.split(rest.strip())]
            return lambda rows: [row for row in rows if all(holds(row) for holds in conditions)]
        case "project":
            columns = _assignments(rest)
            return lambda rows: [{name: of(row) for name, of in columns} for row in rows]
        case "extend":
            added = _assignments(rest)
            return lambda rows: [row | {name: of(row) for name, of in added} for row in rows]
        case "order" | "sort":
            return _order(text)
        case "limit" | "take":
            if not rest.strip().isdigit():
                raise InvalidQueryError(f"{text!r} needs a number.")
            return lambda rows: rows[: int(rest)]
        case _:
            raise InvalidQueryError(f"The sandbox does not know the operator {word!r}.")


def _condition(text: str) -> Callable[[Row], bool]:
    text = text.strip()
    if found := _NOT_EMPTY.fullmatch(text):
        of = _value(found[1])
        return lambda row: of(row) not in (None, "", {}, [])
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InvalidQueryError(f"The sandbox does not understand the condition {text!r}.")
    left, operator, right = _value(found["left"]), found["operator"].lower(), found["right"]
    strings = [a or b for a, b in _STRING.findall(right)] or [right]
    small = [string.lower() for string in strings]
    tests: dict[str, Callable[[str], bool]] = {
        "==": lambda value: value == strings[0],
        "!=": lambda value: value != strings[0],
        "=~": lambda value: value.lower() == small[0],
        "!~": lambda value: value.lower() != small[0],
        "in": lambda value: value in strings,
        "in~": lambda value: value.lower() in small,
        "contains": lambda value: small[0] in value.lower(),
        "startswith": lambda value: value.lower().startswith(small[0]),
    }
    test = tests[operator]
    return lambda row: test(_text(left(row)))


def _assignments(text: str) -> Sequence[tuple[str, Callable[[Row], Any]]]:
    """Return the columns of a `project` or `extend`: a name and where its value comes from."""
    found = []
    for part in text.split(","):
        name, equals, source = part.partition("=")
        found.append((name.strip().rsplit(".", 1)[-1], _value(source if equals else name)))
    return found


def _value(text: str) -> Callable[[Row], Any]:
    text = text.strip()
    if call := _FUNCTION.fullmatch(text):
        inner, function = _value(call[2]), _FUNCTIONS[call[1].lower()]
        return lambda row: function(inner(row))
    if literal := _STRING.fullmatch(text):
        return lambda _: literal[1] or literal[2]
    if not _PATH.fullmatch(text):
        raise InvalidQueryError(f"The sandbox does not understand the expression {text!r}.")
    path = text.replace("['", ".").replace("']", "").split(".")
    return lambda row: _walk(row, path)


def _walk(row: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _order(text: str) -> Step:
    found = _BY.fullmatch(text)
    if found is None:
        raise InvalidQueryError(f"{text!r} says no column.")
    keys = []
    for part in found[1].split(","):
        column, _, direction = part.strip().partition(" ")
        keys.append((_value(column), direction.strip().lower() != "asc"))

    def order(rows: list[Row]) -> list[Row]:
        for of, descending in reversed(keys):
            rows = sorted(rows, key=lambda row: _text(of(row)), reverse=descending)
        return rows

    return order


_FUNCTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "tolower": lambda value: _text(value).lower(),
    "toupper": lambda value: _text(value).upper(),
    "tostring": _text,
    "tobool": lambda value: _text(value).lower() == "true",
}
