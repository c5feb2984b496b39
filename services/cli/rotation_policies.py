"""`certifyclouds rotate`: policies, freezes and suggestions, through the platform's API."""

import json as json_
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client
from services.cli.settings import ClientSettings
from services.cli.within import parse_within
from shared.errors import PermanentError, SettingsError
from shared.settings import load_settings

policy = typer.Typer(no_args_is_help=True, help="Set or remove a policy.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
NameArgument = Annotated[str, typer.Argument(help="The policy's name.")]
_WINDOW: Final = re.compile(r"(.+?) for (\d{1,5}[hdw])(?: in (\S+))?")
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_POLICY: Final = ("name", "priority", "enabled", "selector", "rotate_before_days", "credentials")
_FREEZE: Final = ("id", "starts_at", "ends_at", "reason")
_SUGGESTION: Final = ("item_id", "application_name", "place_item_id", "vault_name", "place_name")


def add_to(group: typer.Typer) -> None:
    """Add these commands to `certifyclouds rotate`."""
    group.add_typer(policy, name="policy")
    for command in (policies, freezes, freeze, unfreeze, suggestions):
        group.command()(command)


def policies(*, json: JsonOption = False) -> None:
    """Show the policies in the order in which they decide."""
    with _client() as client:
        _rows(client.get("/rotation-policies")["data"], _POLICY, json=json)


@policy.command("set")
def set_(
    name: NameArgument,
    selector: Annotated[str, typer.Option(help="Which credentials: “kind:app_secret sub:prod-*”.")],
    priority: Annotated[int, typer.Option(help="Of several the lowest decides.")] = 100,
    rotate_before: Annotated[
        str, typer.Option(help="Before the end: 20d, 3w; none: 30 days or a third of the lifetime.")
    ] = "",
    lifetime_days: Annotated[int, typer.Option(help="How long a credential is used.")] = 90,
    overlap: Annotated[str, typer.Option(help="How long the old one works on: 12h, 2d.")] = "48h",
    window: Annotated[
        list[str] | None,
        typer.Option(help="When they begin: “0 2 * * 6 for 4h in Europe/Berlin”; repeat."),
    ] = None,
    *,
    approval: Annotated[
        bool, typer.Option("--approval", help="Somebody approves each plan first.")
    ] = False,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Rotate nothing, and keep other policies from it.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Set a policy as a whole: a new one, or the one of this name."""
    body = {
        "name": name,
        "selector": selector,
        "priority": priority,
        "rotate_before_days": _days(rotate_before) if rotate_before else None,
        "lifetime_days": lifetime_days,
        "overlap_seconds": int(parse_within(overlap).total_seconds()),
        "windows": [_window(text) for text in window or ()],
        "requires_approval": approval,
        "enabled": not disabled,
    }
    with _client() as client:
        policy_id = _known(client, name) or str(uuid4())
        answer = client.put(f"/rotation-policies/{policy_id}", body)
    _say(answer, f"Policy “{name}” is asked for.", json=json)


@policy.command()
def remove(name: NameArgument, *, json: JsonOption = False) -> None:
    """Remove a policy; rotations that it began go on."""
    with _client() as client:
        policy_id = _known(client, name)
        if policy_id is None:
            raise PermanentError(
                f"No policy is called “{name}”; see `certifyclouds rotate policies`."
            )
        answer = client.delete(f"/rotation-policies/{policy_id}")
    _say(answer, f"Policy “{name}” is being removed.", json=json)


def freezes(*, json: JsonOption = False) -> None:
    """Show the freezes that are not over, the next first."""
    with _client() as client:
        _rows(client.get("/rotation-freezes")["data"], _FREEZE, json=json)


def freeze(
    starts_at: Annotated[str, typer.Argument(help="As 2026-12-20T00:00:00Z.")],
    ends_at: Annotated[str, typer.Argument(help="Likewise; not frozen itself.")],
    reason: Annotated[str, typer.Argument(help="Why, for whoever waits.")],
    *,
    json: JsonOption = False,
) -> None:
    """Let no rotation by a policy begin in a time; those under way go on."""
    body = {"starts_at": starts_at, "ends_at": ends_at, "reason": reason}
    with _client() as client:
        answer = client.post("/rotation-freezes", body)
    _say(answer, f"Freeze {answer['id']} is asked for.", json=json)


def unfreeze(
    freeze_id: Annotated[str, typer.Argument(help="Its id, as `rotate freezes` shows it.")],
    *,
    json: JsonOption = False,
) -> None:
    """Take a freeze back: what waited for its end begins."""
    with _client() as client:
        answer = client.delete(f"/rotation-freezes/{freeze_id}")
    _say(answer, f"Freeze {answer['id']} is being taken back.", json=json)


def suggestions(
    band: Annotated[str, typer.Option(help="Only high, medium or low ones.")] = "",
    limit: Annotated[int, typer.Option(help="The likeliest so many.")] = 50,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are confirmed.")
    ] = False,
    look: Annotated[bool, typer.Option("--look", help="Ask for a new look instead.")] = False,
    json: JsonOption = False,
) -> None:
    """Show which vault secrets could hold which applications' secrets, the likeliest first."""
    with _client() as client:
        if look:
            _say(client.post("/rotation-suggestions", {}), "A new look is asked for.", json=json)
            return
        found = client.get(
            "/rotation-suggestions",
            limit=limit,
            band=band or None,
            confirmed=None if everything else "false",
        )
    if json:
        typer.echo(json_.dumps(found["data"], ensure_ascii=False))
        return
    table = Table(*_SUGGESTION, "why", header_style="bold")
    for one in found["data"]:
        table.add_row(*(str(one[name]) for name in _SUGGESTION), one["sentence"])
    Console().print(table)


def _client() -> Client:
    return Client(load_settings(ClientSettings))


def _known(client: Client, name: str) -> str | None:
    found = client.get("/rotation-policies")["data"]
    ids: list[str] = [one["id"] for one in found if one["name"].lower() == name.lower()]
    return ids[0] if ids else None


def _days(text: str) -> int:
    span = parse_within(text)
    if span % _DAY:
        raise SettingsError("--rotate-before is in whole days: 20d, 3w.")
    return span // _DAY


def _window(text: str) -> dict[str, Any]:
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"--window: “{text}” is none; write “0 2 * * 6 for 4h in Europe/Berlin”."
        )
    minutes = parse_within(found[2]) // _MINUTE
    return {"opens": found[1], "time_zone": found[3] or "UTC", "lasts_minutes": minutes}


def _rows(found: Sequence[dict[str, Any]], columns: Sequence[str], *, json: bool) -> None:
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
        return
    table = Table(*(column.replace("_", " ") for column in columns), header_style="bold")
    for one in found:
        table.add_row(*("" if one[name] is None else str(one[name]) for name in columns))
    Console().print(table)


def _say(answer: dict[str, Any], sentence: str, *, json: bool) -> None:
    typer.echo(json_.dumps(answer) if json else sentence)
