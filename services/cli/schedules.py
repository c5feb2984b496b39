"""`certifyclouds schedules`: scans that come by themselves, through the platform's API."""

import json as json_
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client
from services.cli.settings import ClientSettings
from shared.errors import PermanentError
from shared.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="Scans that come by themselves.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_COLUMNS: Final = ("name", "cron", "time_zone", "mode", "selector", "next_at", "last_note")


@commands.command("list")
def list_(*, json: JsonOption = False) -> None:
    """Show the schedules, their next time, and what became of the last one."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get("/schedules")["data"]
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
        return
    table = Table(*(column.replace("_", " ") for column in _COLUMNS), header_style="bold")
    for schedule in found:
        table.add_row(*(str(schedule[column] or "") for column in _COLUMNS))
    Console().print(table)


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    cron: Annotated[str, typer.Argument(help="Five fields, such as “0 */6 * * *”.")],
    time_zone: Annotated[str, typer.Option(help="As Europe/Berlin.")] = "UTC",
    mode: Annotated[str, typer.Option(help="full, delta or force.")] = "full",
    selector: Annotated[str, typer.Option(help="Only these vaults.")] = "",
    subscription: Annotated[
        list[str] | None, typer.Option(help="Only this subscription; may be repeated.")
    ] = None,
    jitter_seconds: Annotated[int, typer.Option(help="Begin up to so much later.")] = 0,
    *,
    json: JsonOption = False,
) -> None:
    """Add a schedule."""
    wanted: dict[str, Any] = {
        "name": name,
        "cron": cron,
        "time_zone": time_zone,
        "mode": mode,
        "selector": selector,
        "subscriptions": subscription or [],
        "jitter_seconds": jitter_seconds,
    }
    with Client(load_settings(ClientSettings)) as client:
        answer = client.post("/schedules", wanted)
    typer.echo(json_.dumps(answer) if json else f"Schedule {answer['id']} is asked for.")


@commands.command()
def remove(
    schedule: Annotated[str, typer.Argument(help="Its id, or its name where that is unique.")],
    *,
    json: JsonOption = False,
) -> None:
    """Remove a schedule; a scan of it that runs goes on."""
    with Client(load_settings(ClientSettings)) as client:
        known = client.get("/schedules")["data"]
        fits = [one["id"] for one in known if schedule in (one["id"], one["name"])]
        if len(fits) != 1:
            raise PermanentError(
                f"{len(fits)} schedules are called “{schedule}”; name one by its id, as"
                " `certifyclouds schedules list --json` shows it."
            )
        answer = client.delete(f"/schedules/{fits[0]}")
    typer.echo(json_.dumps(answer) if json else f"Schedule {answer['id']} is being removed.")
