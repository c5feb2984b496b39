"""`certifyclouds queues` and `dead-letters`: the bus's queues, through the platform's API."""

import json as json_
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client
from services.cli.settings import ClientSettings
from shared.errors import SettingsError
from shared.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="Messages that nobody could handle.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
QueueArgument = Annotated[str, typer.Argument(help="A queue, as `certifyclouds queues` names it.")]
LetterArgument = Annotated[
    str | None, typer.Argument(help="A dead letter's id, as `dead-letters list` shows it.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All dead letters of the queue.")]

_QUEUES: Final = ("queue", "ready", "delayed", "in_flight", "dead", "age_seconds", "consumers")
_LETTERS: Final = ("queue", "id", "type", "reason", "attempts", "dead_at")


def queues(*, json: JsonOption = False) -> None:
    """Show how full the bus's queues are, how old their oldest message is, and who takes from them.

    An empty cell is what the broker does not tell.
    """
    with Client(load_settings(ClientSettings)) as client:
        found = client.get("/queues")["data"]
    _print(found, _QUEUES, json=json)


@commands.command("list")
def list_(
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    *,
    json: JsonOption = False,
) -> None:
    """Show dead letters, and why each is one."""
    with Client(load_settings(ClientSettings)) as client:
        answer = client.get("/queues/dead-letters", queue=queue, limit=limit)
    _print(answer["data"], _LETTERS, json=json)
    if len(answer["data"]) < answer["total"]:
        Console(stderr=True).print(f"{answer['total']} in all; raise --limit to see more.")


@commands.command()
def show(
    queue: QueueArgument,
    letter: Annotated[str, typer.Argument(help="Its id.")],
    *,
    json: JsonOption = False,
) -> None:
    """Show one dead letter; of a body that cannot be read only its size and digest."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get(f"/queues/{_quoted(queue)}/dead-letters/{_quoted(letter)}")
    typer.echo(json_.dumps(found, ensure_ascii=False, indent=None if json else 2))


@commands.command()
def replay(
    queue: QueueArgument,
    letter: LetterArgument = None,
    *,
    all_: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Put dead letters back into their queue, under their old ids."""
    answer = _move(queue, letter, "replay", all_=all_)
    typer.echo(json_.dumps(answer) if json else f"{answer['count']} put back into {queue}.")


@commands.command()
def purge(
    queue: QueueArgument,
    letter: LetterArgument = None,
    *,
    all_: AllOption = False,
    approval: Annotated[
        str | None, typer.Option(help="The approved request, as `request-purge` printed it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Delete dead letters for good."""
    more = {"approval": approval} if approval else {}
    answer = _move(queue, letter, "purge", all_=all_, **more)
    typer.echo(json_.dumps(answer) if json else f"{answer['count']} of {queue} deleted.")


@commands.command("request-purge")
def request_purge(
    queue: QueueArgument,
    letter: LetterArgument = None,
    *,
    all_: AllOption = False,
    reason: Annotated[str, typer.Option(help="For whoever decides, and for the record.")] = "",
    json: JsonOption = False,
) -> None:
    """Ask somebody else to approve the deletion of exactly these dead letters."""
    answer = _move(queue, letter, "purge-requests", all_=all_, reason=reason)
    typer.echo(
        json_.dumps(answer)
        if json
        else f"Request {answer['id']} waits until {answer['expires_at']}. Somebody else approves it"
        f" (certifyclouds approvals approve {answer['id']}); then repeat with --approval."
    )


def _move(queue: str, letter: str | None, act: str, *, all_: bool, **more: str) -> dict[str, Any]:
    if all_ == (letter is not None):
        raise SettingsError("Name one dead letter by its id, or say --all.")
    wanted: dict[str, Any] = {"all": True, **more} if all_ else {"id": letter, **more}
    with Client(load_settings(ClientSettings)) as client:
        return client.post(f"/queues/{_quoted(queue)}/dead-letters/{act}", wanted)


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _print(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, json: bool) -> None:
    if json:
        typer.echo(json_.dumps(list(rows), ensure_ascii=False))
        return
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row[column] is None else _cell(row[column]) for column in columns))
    Console().print(table)


def _cell(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)
