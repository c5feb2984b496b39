"""How the permission doctor's findings leave the command line, and which exit code they mean."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

EXIT_GOOD: Final = 0
EXIT_LACKING: Final = 1
EXIT_EXCESS: Final = 5
_STYLES: Final = {
    "excess": "bold red",
    "missing": "yellow",
    "unknown": "magenta",
    "needed": "cyan",
    "have": "green",
}
_FIRST_LINES: Final = {
    "yes": ("This identity COULD READ VALUES.", "bold white on red"),
    "unknown": ("Whether this identity could read values cannot be told.", "bold yellow"),
    "no": ("This identity could read no value.", "bold green"),
}

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A check and its rows, as the API gives them."""

    check: Mapping[str, Any]
    rows: Sequence[Row]

    def count(self, state: str) -> int:
        """Return how many rows are in a state."""
        return sum(row["state"] == state for row in self.rows)


def as_json(found: Findings) -> str:
    """Return one JSON document: `{"check": {…}, "permissions": […]}`."""
    document = {"check": dict(found.check), "permissions": list(found.rows)}
    return json.dumps(document, default=str, ensure_ascii=False)


def exit_code(found: Findings) -> int:
    """Return 5 for a permission too much, 1 for one that is missing or unknown, else 0."""
    if found.check["could_read_values"] == "yes" or found.count("excess"):
        return EXIT_EXCESS
    lacking = ("missing", "unknown", "needed")
    if found.check["could_read_values"] == "unknown" or any(map(found.count, lacking)):
        return EXIT_LACKING
    return EXIT_GOOD


def print_findings(console: Console, found: Findings, *, everything: bool = False) -> None:
    """Print the verdict, then each permission, then what to do, line by line to copy.

    What is needed and held is counted, and listed only when `everything` is asked for.
    """
    sentence, style = _FIRST_LINES[found.check["could_read_values"]]
    console.print(Text(sentence, style=style))
    console.print(Text(_who(found.check)))
    shown = [row for row in found.rows if everything or row["state"] != "have"]
    if shown:
        console.print(_table(shown))
    told = [f"{found.count(state)} {state}" for state in _STYLES if found.count(state)]
    console.print(Text(", ".join(told) + "."))
    _print_what_to_do(console, found.rows)


def _who(check: Mapping[str, Any]) -> str:
    if check["object_id"] is None:
        return "Who this identity is could not be found out."
    return (
        f"Object {check['object_id']}, client {check['client_id']}, tenant {check['tenant_id']};"
        f" looked at {check['finished_at']}."
    )


def _table(rows: Sequence[Row]) -> Table:
    table = Table(header_style="bold", expand=False)
    table.add_column("state", no_wrap=True)
    table.add_column("permission", overflow="fold", max_width=60)
    table.add_column("where", overflow="fold", max_width=44)
    table.add_column("why", overflow="fold")
    for row in rows:
        where = row["vault_name"] or row["scope"]
        state = Text(row["state"], style=_STYLES[row["state"]])
        table.add_row(
            state, *(Text(_short(text)) for text in (row["permission"], where, row["why"]))
        )
    return table


def _short(text: str) -> str:
    return text.replace("Microsoft.KeyVault/vaults/", "")


def _print_what_to_do(console: Console, rows: Sequence[Row]) -> None:
    """Print each command once, never broken into lines, so that it can be copied whole."""
    commands = {row["remedy"]: row for row in rows if row["remedy"]}
    if commands:
        console.print(Text("\nWhat to do next, as somebody who may (the Azure CLI):", "bold"))
    for command, row in commands.items():
        where = row["vault_name"] or row["scope"]
        console.print(Text(f"# {row['state']} on {where}", style=_STYLES[row["state"]]))
        console.print(Text(command), soft_wrap=True)
