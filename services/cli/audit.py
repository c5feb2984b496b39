"""`certifyclouds audit`: taking the audit log away, and verifying it without a database."""

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.client import Client
from services.cli.settings import ClientSettings
from shared.errors import PermanentError
from shared.settings import load_settings

if TYPE_CHECKING:
    from shared.audit import VerifyResult

commands = typer.Typer(no_args_is_help=True, help="The audit log: taken away, and verified.")

EXIT_BROKEN: Final = 1
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where the log is written; it must not be there.")],
    form: Annotated[
        str, typer.Option("--format", help="jsonl (can be verified) or csv.")
    ] = "jsonl",
) -> None:
    """Write the whole audit log into a file."""
    with Client(load_settings(ClientSettings)) as client:
        written = client.download("/audit/export", file, format=form)
    typer.echo(f"{written:,} bytes in {file}.", err=True)


@commands.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The exported log (JSON lines).")],
    key: Annotated[Path, typer.Option(help="The public key that signed the checkpoints (PEM).")],
    checkpoints: Annotated[
        Path | None, typer.Option(help="The exported checkpoints: they prove the tail.")
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Check an exported log: that nothing in it was changed, removed, inserted or cut off."""
    from shared.audit import (  # noqa: PLC0415 - needs the driver
        read_file,
        read_public_key,
        verify_export,
    )

    try:
        exported = read_file(checkpoints) if checkpoints else []
        found = verify_export(file, [read_public_key(key)], exported)
    except OSError as error:
        raise PermanentError(f"{error.filename} cannot be read: {error.strerror}.") from None
    if json:
        typer.echo(
            json_.dumps(
                {
                    "intact": found.intact,
                    "sealed": found.sealed,
                    "pending": found.pending,
                    "pruned": found.pruned,
                    "checkpoints": found.checkpoints,
                    "problem": found.problem,
                }
            )
        )
    else:
        typer.echo(found.problem or _intact(found))
    if not found.intact:
        sys.exit(EXIT_BROKEN)


def _intact(found: "VerifyResult") -> str:
    kept = found.sealed - found.pruned
    words = f"Intact: {kept:,} entries in the chain, {found.pending:,} not sealed yet."
    if found.pruned:
        words += f" {found.pruned:,} older ones were pruned, as the log says."
    if found.checkpoints:
        return f"{words} {found.checkpoints:,} checkpoints fit."
    return f"{words} Without checkpoints nobody can tell whether the end was cut off."
