"""The commands. Each refusal is one sentence on standard error and an exit code.

0: done. 1: `expiring --exit-code` found something; `doctor` misses a permission or cannot tell;
`rotate plan` cannot be done; `rotate run --wait` ended in anything but completed.
2: wrong usage or settings. 3: refused. 4: trying again may help. 5: `doctor` found a permission too
much, or that values could be read.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from services.cli import (
    approvals,
    audit,
    doctor_output,
    doctor_through,
    keys,
    output,
    queues,
    rotate,
    rotation_policies,
    schedules,
    subscriptions,
    through,
)
from services.cli.break_glass import break_glass
from services.cli.client import Client
from services.cli.platform import Plan
from services.cli.serve import serve_command
from services.cli.settings import ClientSettings, PlatformSettings, environment, role_passwords
from services.cli.within import parse_within
from shared.clock import utc_now
from shared.errors import CertifyCloudsError, SettingsError, TransientError
from shared.ports import free_port
from shared.selector import Selector, SelectorError, parse_scope
from shared.settings import load_settings
from shared.telemetry import configure_logging

EXIT_FOUND: Final = 1
EXIT_SETTINGS: Final = 2
EXIT_REFUSED: Final = 3
EXIT_TRY_AGAIN: Final = 4

commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Finds, watches and proves the state of every Key Vault and Entra credential.",
)

commands.add_typer(schedules.commands, name="schedules")
commands.add_typer(subscriptions.commands, name="subscriptions")
commands.command()(queues.queues)
commands.command("break-glass")(break_glass)
commands.add_typer(queues.commands, name="dead-letters")
commands.add_typer(audit.commands, name="audit")
commands.add_typer(approvals.commands, name="approvals")
rotation_policies.add_to(rotate.commands)
commands.add_typer(rotate.commands, name="rotate")
commands.add_typer(keys.commands, name="keys")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
DirectOption = Annotated[
    bool, typer.Option("--direct", help="Straight against the tenant: no platform, no database.")
]


@commands.command()
def up(
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".data"),
    host: Annotated[str, typer.Option(help="Where the API listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0 takes a free one.")] = 8080,
    ready_file: Annotated[Path | None, typer.Option(help="Written when all is ready.")] = None,
    profile: Annotated[str, typer.Option(help="The sandbox's estate.")] = "demo",
    seed: Annotated[int, typer.Option(help="Another number is another estate.")] = 7,
    bus: Annotated[
        str,
        typer.Option(
            help="servicebus: a simulated Service Bus namespace, unless BUS_URL names a real one."
        ),
    ] = "",
    *,
    sandbox: Annotated[bool, typer.Option(help="--no-sandbox: a real tenant.")] = True,
    split: Annotated[bool, typer.Option(help="One process per service.")] = False,
) -> None:
    """Run the whole platform on this machine."""
    from services.cli.up import up as run_up  # noqa: PLC0415 - only this command needs a database

    folder = data_dir.resolve()
    plan = Plan(
        folder=folder,
        port=port or free_port(),
        host=host,
        split=split,
        sandbox=sandbox,
        profile=profile,
        seed=seed,
        ready_file=ready_file,
        bus=bus,
    )
    sys.exit(asyncio.run(run_up(plan, Console())))


@commands.command()
def serve(
    service: Annotated[str, typer.Argument(help="A service's name, or all.")],
) -> None:
    """Run one service (or all of them) in this process, told by environment variables."""
    sys.exit(serve_command(service))


@commands.command()
def migrate(*, json: JsonOption = False) -> None:
    """Create or update schemas, roles and the bus's topology; safe to run at any time."""
    from shared.database.migrator import migrate as run_migrate  # noqa: PLC0415 - needs alembic

    settings = load_settings(PlatformSettings)
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL: it is not set. It must be a database administrator's.")
    previous = settings.bus_url_previous
    asyncio.run(
        run_migrate(
            settings.database_url.get_secret_value(),
            passwords=role_passwords(environment()),
            bus_url=settings.bus_url.get_secret_value(),
            bus_url_previous=previous.get_secret_value() if previous else None,
        )
    )
    typer.echo('{"migrated": true}' if json else "The database is up to date.")


@commands.command()
def topology(
    bus: Annotated[str, typer.Argument(help="rabbitmq or servicebus.")],
) -> None:
    """Print the queues that `migrate` makes, for a broker that your own tools prepare."""
    from shared.bus import topology as shape  # noqa: PLC0415 - brings the brokers' clients

    typer.echo(orjson.dumps(shape.definitions(bus), option=orjson.OPT_INDENT_2).decode())


@commands.command()
def scan(
    subscription: Annotated[
        list[str] | None, typer.Option(help="Only this subscription; may be repeated.")
    ] = None,
    mode: Annotated[str, typer.Option(help="full, delta or force.")] = "full",
    selector: Annotated[
        str, typer.Option(help="Only these vaults: “sub:prod-* -tag:skip=true”.")
    ] = "",
    *,
    use_direct: DirectOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Look at the estate now: progress, then what was found."""
    asked = subscription or []
    within = _selector(selector)
    progress = Console(stderr=True)
    if use_direct:
        from services.cli import direct  # noqa: PLC0415 - only this brings the clouds' clients

        found = direct.scan(asked, within, progress)
    else:
        with Client(load_settings(ClientSettings)) as client:
            found = through.scan(client, mode, asked, within, progress)
    _print("What was found", found, json=json, csv=csv)


@commands.command()
def expiring(
    within: Annotated[str, typer.Option(help="A duration: 12h, 30d, 2w.")] = "30d",
    *,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 if anything expires.")
    ] = False,
    use_direct: DirectOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """List what has expired or will within a time, soonest first."""
    limit = utc_now() + _positive(parse_within(within))
    if use_direct:
        from services.cli import direct  # noqa: PLC0415 - as above

        found = direct.expiring(limit, Console(stderr=True))
    else:
        with Client(load_settings(ClientSettings)) as client:
            found = through.expiring(client, limit)
    _print(f"What expires within {within}", found, json=json, csv=csv)
    if exit_code and found.rows:
        sys.exit(EXIT_FOUND)


@commands.command()
def doctor(
    *,
    use_direct: DirectOption = False,
    last: Annotated[
        bool, typer.Option("--last", help="The last result, without a new look.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="List what it has, too.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what the identity that discovers needs, has, lacks, and has too much."""
    if use_direct and last:
        raise SettingsError("--last is the platform's last result; --direct has none.")
    if use_direct:
        from services.cli import doctor_direct  # noqa: PLC0415 - as above

        found = doctor_direct.examine()
    else:
        with Client(load_settings(ClientSettings)) as client:
            found = doctor_through.examine(client, look=not last, progress=Console(stderr=True))
    if json:
        typer.echo(doctor_output.as_json(found))
    else:
        doctor_output.print_findings(Console(), found, everything=everything)
    sys.exit(doctor_output.exit_code(found))


def _selector(text: str) -> Selector:
    """Return a scan's scope; what cannot be used is refused before anything is asked for."""
    try:
        return parse_scope(text)
    except SelectorError as error:
        raise SettingsError(f"--selector: {error}") from error


def _positive(duration: timedelta) -> timedelta:
    if not duration:
        raise SettingsError("--within must be more than nothing: 12h, 30d, 2w.")
    return duration


def _print(title: str, found: output.Found, *, json: bool, csv: bool) -> None:
    """Print the rows in the form asked for; what could not be read is always said."""
    if json:
        typer.echo(output.as_json(found))
    elif csv:
        typer.echo(output.as_csv(found.rows), nl=False)
    else:
        output.print_table(Console(), title, found.rows)
    for sentence in found.unreadable:
        Console(stderr=True).print(f"Could not look: {sentence}", style="yellow", markup=False)


def main() -> None:
    """Run a command; turn an error of ours into a sentence and an exit code.

    Whatever is logged meanwhile is scrubbed: without this a traceback would show variables.
    """
    configure_logging("ERROR", "console")
    sys.exit(_guarded(commands))


def _guarded(run: Callable[[], None]) -> int:
    try:
        run()
    except CertifyCloudsError as error:
        sys.stderr.write(f"certifyclouds: {' '.join(filter(None, (str(error), error.remedy)))}\n")
        return _code(error)
    return 0


def _code(error: CertifyCloudsError) -> int:
    if isinstance(error, SettingsError):
        return EXIT_SETTINGS
    return EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_REFUSED
