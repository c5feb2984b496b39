"""`certifyclouds subscriptions`: which there are, and which of them scans look at."""

import json as json_
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client
from services.cli.settings import ClientSettings
from shared.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="Subscriptions that scans look at.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
IdArgument = Annotated[str, typer.Argument(help="A subscription's id.")]


@commands.command("list")
def list_(*, json: JsonOption = False) -> None:
    """Show every subscription that was ever seen."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get("/subscriptions")["data"]
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
        return
    table = Table(header_style="bold")
    table.add_column("id", no_wrap=True)
    for column in ("name", "watched", "vaults", "items"):
        table.add_column(column, overflow="fold")
    for one in found:
        watched = "yes" if one["watched"] else f"no ({one['watch_requested_by']})"
        table.add_row(one["id"], one["name"], watched, str(one["vaults"]), str(one["items"]))
    Console().print(table)


@commands.command()
def watch(subscription: IdArgument, *, json: JsonOption = False) -> None:
    """Let scans look at a subscription again. Role `admin`."""
    _ask(subscription, watched=True, json=json)


@commands.command()
def unwatch(subscription: IdArgument, *, json: JsonOption = False) -> None:
    """Let scans leave a subscription out; what is known of it stays. Role `admin`."""
    _ask(subscription, watched=False, json=json)


def _ask(subscription: str, *, watched: bool, json: bool) -> None:
    with Client(load_settings(ClientSettings)) as client:
        path = f"/subscriptions/{quote(subscription, safe='')}"
        answer = client.put(path, {"watched": watched})
    words = "looks at" if watched else "leaves out"
    typer.echo(json_.dumps(answer) if json else f"The next scan {words} {answer['id']}.")
