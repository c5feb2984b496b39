"""`certifyclouds keys`: changing SECRET_KEY, and which keys the platform keeps for itself.

`rotate` needs both SECRET_KEYs, which no API is ever told: it runs where the gateway's settings
are.
"""

import asyncio
import json as json_
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client
from services.cli.settings import ClientSettings, environment, own_variables
from shared.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="The platform's own keys.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
GATEWAY: Final = "gateway"
_DATA: Final = ("purpose", "version", "created_at", "wrapped_at", "use")
_SIGNING: Final = ("kid", "created_at", "signs")
_RESTART: Final = "When every gateway runs with this SECRET_KEY, remove SECRET_KEY_PREVIOUS."
_SAME: Final = "The data keys inside are the same as before (--data-keys replaces them)."
_STAY: Final = (
    "The keys audit and fingerprint stay: without them old checkpoints would not verify and no"
    " token would be found."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What `rotate` did; `replaced` is None where data keys were not to be replaced."""

    keys: int
    wrapped_now: int
    replaced: list[str] | None
    rows: int


@commands.command()
def rotate(
    *,
    data_keys: Annotated[
        bool,
        typer.Option("--data-keys", help="Then replace the keys that encrypt rows, too."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Let SECRET_KEY wrap what SECRET_KEY_PREVIOUS wraps, while the platform runs.

    Needs the gateway's DATABASE_URL, SECRET_KEY and SECRET_KEY_PREVIOUS. If it is cut off, run it
    again: it goes on with the rest.
    """
    outcome = asyncio.run(_rotate(data_keys=data_keys))
    typer.echo(json_.dumps(asdict(outcome)) if json else told(outcome))


def told(outcome: Outcome) -> str:
    """Return what came of a rotation, and what to do next."""
    standing = f"{outcome.keys} of {outcome.keys} keys are wrapped by SECRET_KEY"
    if outcome.wrapped_now:
        sentences = [f"{standing}, {outcome.wrapped_now} of them since just now.", _RESTART]
    else:
        sentences = [f"Nothing to wrap: {standing}.", _RESTART]
    if outcome.replaced is None:
        return " ".join([*sentences, _SAME])
    names = " and ".join(outcome.replaced)
    return " ".join([*sentences, f"New: {names}; {outcome.rows} rows encrypted anew.", _STAY])


async def _rotate(*, data_keys: bool) -> Outcome:
    """Wrap the keys anew, and replace those that can be replaced if that is asked for."""
    # Only this command needs the database's driver and the gateway's code.
    from services.gateway.settings import Settings  # noqa: PLC0415
    from services.gateway.steps.replace_keys import replace_data_keys  # noqa: PLC0415
    from services.gateway.steps.rotate_keys import rotate_keys  # noqa: PLC0415
    from services.gateway.steps.secret_keys import SecretKeys  # noqa: PLC0415
    from shared.clock import utc_now  # noqa: PLC0415
    from shared.database import create_pool, wait_for_schema  # noqa: PLC0415

    settings = load_settings(Settings, **own_variables(GATEWAY, environment()))
    secret_keys = SecretKeys.of(settings.secret_key, settings.secret_key_previous)
    pool = await create_pool(settings.database_url.get_secret_value(), service=GATEWAY, max_size=1)
    try:
        await wait_for_schema(pool, GATEWAY, seconds=0)
        done = await rotate_keys(pool, secret_keys, utc_now)
        new = await replace_data_keys(pool, secret_keys, utc_now) if data_keys else None
    finally:
        await pool.close()
    return Outcome(
        keys=done.keys,
        wrapped_now=done.wrapped,
        replaced=list(new.purposes) if new else None,
        rows=new.rows if new else 0,
    )


@commands.command("list")
def list_(*, json: JsonOption = False) -> None:
    """Show each key's purpose, age and wrapping; never a key. Role `auditor` or `admin`."""
    with Client(load_settings(ClientSettings)) as client:
        found = client.get("/system/keys")
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
        return
    _print("Data keys", found["data_keys"], _DATA)
    _print("Keys that sign sessions", found["signing_keys"], _SIGNING)


def _print(title: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), no_wrap=column != "use", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, row[column]) for column in columns))
    Console().print(table)


def _cell(column: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    text = str(value)
    return text[:16].replace("T", " ") if column.endswith(("_at", "_until")) else text
