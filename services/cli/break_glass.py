"""`certifyclouds break-glass`: a way in for an administrator who is locked out."""

import asyncio
import json as json_
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.near import gateway_database
from services.gateway.app import offer_code

LIFETIME: Final = timedelta(minutes=15)
DataDirOption = Annotated[Path, typer.Option(help="The folder of `up`, if that runs it.")]


def break_glass(
    username: Annotated[str, typer.Argument(help="Whom it lets in, as an administrator.")],
    data_dir: DataDirOption = Path(".data"),
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print a one-time code that lets somebody in who is locked out; it works for 15 minutes.

    It needs the database and is recorded in the audit log. Whoever uses it chooses a password and
    is an administrator then, without a second factor; their sessions and tokens end.
    """
    code = asyncio.run(offer_code(gateway_database(data_dir.resolve()), username, LIFETIME))
    minutes = int(LIFETIME.total_seconds()) // 60
    if json:
        typer.echo(json_.dumps({"username": username, "code": code, "minutes": minutes}))
        return
    typer.echo(code)
    typer.echo(
        f"For {username}, once, within {minutes} minutes: on the sign-in page choose “Use a set-up"
        " token” and give this code, the name and a new password.",
        err=True,
    )
