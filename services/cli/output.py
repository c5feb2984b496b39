"""How rows leave the command line: a table for people, JSON or CSV for programs."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

COLUMNS: Final = ("expires_on", "status", "kind", "name", "container", "subscription")
_STYLES: Final = {
    "expired": "bold red",
    "critical": "red",
    "warning": "yellow",
    "healthy": "green",
    "no_expiry": "magenta",
}
WIDE: Final = 110
_LEAST: Final = {"expires_on": 16, "status": 14, "kind": 11}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a command found, and one sentence for each place it could not look into."""

    rows: Sequence[Row]
    unreadable: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


def as_json(found: Found) -> str:
    """Return one JSON document: `{"items": […], "unreadable": […], "summary": {…}}`."""
    document = {"items": list(found.rows), "unreadable": found.unreadable, "summary": found.summary}
    return json.dumps(document, default=str, ensure_ascii=False)


def as_csv(rows: Iterable[Row], columns: Sequence[str] = COLUMNS) -> str:
    """Return CSV with a header. A cell that a spreadsheet would run as a formula is quoted with '.

    The rule is OWASP's for CSV injection: cells that begin with = + - @, a tab or a return.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[_cell(row.get(column)) for column in columns] for row in rows])
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def print_table(console: Console, title: str, rows: Iterable[Row]) -> None:
    """Print a table for a person; the status carries a word and a colour.

    A narrow terminal loses the subscription and the ends of long names, never a date or a status.
    """
    columns = COLUMNS if console.width >= WIDE else COLUMNS[:-1]
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        least = _LEAST.get(column)
        header = column.replace("_", " ")
        table.add_column(header, no_wrap=True, overflow="ellipsis", min_width=least)
    for row in rows:
        table.add_row(*(_text(column, row.get(column)) for column in columns))
    console.print(table)


def _text(column: str, value: object) -> Text:
    text = "" if value is None else str(value)
    if column == "expires_on":
        text = text[:16].replace("T", " ") or "never"
    return Text(text, style=_STYLES.get(text, ""))
