"""`certifyclouds approvals`: requests that need a second person."""

import json as json_
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client
from services.cli.settings import ClientSettings
from shared.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="Requests that need a second person.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
RequestArgument = Annotated[str, typer.Argument(help="A request's id, as `approvals list` shows.")]
ReasonOption = Annotated[str, typer.Option(help="For whoever asked, and for the record.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask after showing the plan.")]


@commands.command("list")
def list_(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    json: JsonOption = False,
) -> None:
    """Show requests, the newest first: by default those that nobody has decided about."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get("/approvals", state=None if all_ else "pending")["data"]
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
        return
    table = Table(header_style="bold")
    table.add_column("id", no_wrap=True)
    for name in ("what", "who"):
        table.add_column(name, overflow="fold")
    for one in found:
        what = " ".join(filter(None, (one["act"], f"({one['state']})", one["reason"])))
        table.add_row(one["id"], what, one["requester"])
    Console().print(table)


@commands.command()
def show(request: RequestArgument, *, json: JsonOption = False) -> None:
    """Show one request with its whole plan."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get(f"/approvals/{request}")
    typer.echo(json_.dumps(found, ensure_ascii=False, indent=None if json else 2))


@commands.command()
def approve(
    request: RequestArgument,
    *,
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Show a plan, ask, and approve exactly that plan. Needs a password, not a token."""
    _decide(request, "approve", reason, yes=yes, json=json)


@commands.command()
def reject(
    request: RequestArgument,
    *,
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Show a plan, ask, and reject it."""
    _decide(request, "reject", reason, yes=yes, json=json)


@commands.command()
def withdraw(
    request: RequestArgument, *, reason: ReasonOption = "", json: JsonOption = False
) -> None:
    """Take back a request of your own."""
    with Client(load_settings(ClientSettings)) as client:
        _print(client.post(f"/approvals/{request}/withdraw", {"reason": reason}), json=json)


def _decide(request: str, how: str, reason: str, *, yes: bool, json: bool) -> None:
    """Decide about the plan that was shown: another one has another digest and is refused."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get(f"/approvals/{request}")
        if not yes:
            typer.echo(json_.dumps(found["plan"], ensure_ascii=False, indent=2), err=True)
            typer.confirm(f"{found['requester']} asks for {found['act']}: {how} it?", abort=True)
        body = {"plan_hash": found["plan_hash"], "reason": reason}
        _print(client.post(f"/approvals/{request}/{how}", body), json=json)


def _print(answer: dict[str, Any], *, json: bool) -> None:
    typer.echo(json_.dumps(answer) if json else f"Request {answer['id']} is {answer['state']}.")
