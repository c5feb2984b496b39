"""`certifyclouds rotate`: replacing credentials without a gap, through the platform's API."""

import json as json_
import sys
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from services.cli import rotate_output, rotate_through
from services.cli.client import Client
from services.cli.settings import ClientSettings
from services.cli.within import parse_within
from shared.errors import PermanentError, SettingsError
from shared.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="Credentials that are rotated.")

EXIT_NOT_DONE: Final = 1

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CredentialArgument = Annotated[
    str,
    typer.Argument(help="Its id, its name, or application/name, as `rotate credentials` shows."),
]
RotationArgument = Annotated[str, typer.Argument(help="A rotation's id, as `rotate status` shows.")]
ReasonOption = Annotated[str, typer.Option(help="In words, for the record.")]
EmergencyOption = Annotated[
    bool, typer.Option("--emergency", help="No overlap: the old one is known to others.")
]
EverythingOption = Annotated[bool, typer.Option("--everything", help="All rotations.")]
SubscriptionOption = Annotated[
    str, typer.Option(help="Of secrets in this subscription, by its id.")
]
CredentialOption = Annotated[str, typer.Option(help="Of this credential, by id or name.")]


def _client() -> Client:
    return Client(load_settings(ClientSettings))


@commands.command()
def confirm(
    item: Annotated[
        int | None, typer.Argument(help="The client secret's id in the inventory.")
    ] = None,
    *,
    resource: Annotated[str, typer.Option(help="Or: the Azure id of what has two keys.")] = "",
    key: Annotated[str, typer.Option(help="Which of its keys is in use: key1, primary.")] = "",
    place: Annotated[list[int], typer.Option(help="A vault secret that holds it; repeat.")],
    lifetime_days: Annotated[int, typer.Option(help="Of each new credential.")] = 90,
    overlap: Annotated[str, typer.Option(help="How long the old one works on: 12h, 2d.")] = "48h",
    json: JsonOption = False,
) -> None:
    """Confirm which vault secrets hold an application's client secret, or a resource's key."""
    if (item is None) == (not resource) or bool(resource) != bool(key):
        raise SettingsError("Name a client secret by its id, or a resource with --key.")
    body = {
        **({"item_id": item} if item is not None else {"resource": resource, "slot": key}),
        "place_ids": place,
        "lifetime_days": lifetime_days,
        "overlap_seconds": int(parse_within(overlap).total_seconds()),
    }
    with _client() as client:
        answer = client.post("/rotation-credentials", body)
    _say(answer, f"Credential {answer['id']} is rotated from now on, when you ask.", json=json)


@commands.command()
def credentials(*, json: JsonOption = False) -> None:
    """Show the credentials that are rotated, and the secrets that hold them."""
    with _client() as client:
        found = list(client.pages("/rotation-credentials"))
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
    else:
        rotate_output.print_credentials(found, Console())


@commands.command()
def release(credential: CredentialArgument, *, json: JsonOption = False) -> None:
    """Rotate a credential no longer; nothing is removed from any cloud."""
    with _client() as client:
        found = rotate_through.credential_id(client, credential)
        answer = client.delete(f"/rotation-credentials/{found}")
    _say(answer, f"Credential {answer['id']} is rotated no longer.", json=json)


@commands.command()
def plan(
    credential: CredentialArgument, *, emergency: EmergencyOption = False, json: JsonOption = False
) -> None:
    """Show what a rotation would do, without doing it. Ends with 1 if it could not be done."""
    with _client() as client:
        found = rotate_through.plan(
            client, rotate_through.credential_id(client, credential), emergency=emergency
        )
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
    else:
        lines = rotate_output.plan_lines(found["document"], found["plan_hash"])
        rotate_output.print_lines(lines, Console())
    if found["document"]["refusals"]:
        sys.exit(EXIT_NOT_DONE)


@commands.command()
def run(
    credential: CredentialArgument,
    confirm_: Annotated[
        str, typer.Option("--confirm", help="The credential's name; an emergency needs it.")
    ] = "",
    reason: ReasonOption = "",
    limit: Annotated[str, typer.Option(help="With --wait: so long at most.")] = "8h",
    *,
    emergency: EmergencyOption = False,
    approval: Annotated[
        bool, typer.Option("--approval", help="Somebody else approves the plan first.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show each step; end with 1 unless it is completed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Ask for a rotation. An emergency needs --confirm, --reason and a password, not a token."""
    longest = parse_within(limit)
    body: dict[str, Any] = {"emergency": emergency, "confirm": confirm_, "reason": reason}
    with _client() as client:
        body["credential_id"] = rotate_through.credential_id(client, credential)
        answer = client.post("/rotations", {**body, "approval_required": approval})
        if not wait:
            _say(answer, f"Rotation {answer['id']} is asked for.", json=json)
            return
        ended = _watch(client, answer["id"], longest)
    lines = "\n".join(rotate_output.rotation_lines(ended))
    _say(ended, lines, json=json)
    if ended["state"] != "completed":
        sys.exit(EXIT_NOT_DONE)


@commands.command()
def status(
    rotation: Annotated[str, typer.Argument(help="One rotation's id; none: all.")] = "",
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the rotations under way, or one with its secrets, its steps, and the way out."""
    with _client() as client:
        if rotation:
            one = client.get(f"/rotations/{rotation}")
            _say(one, "\n".join(rotate_output.rotation_lines(one)), json=json)
            return
        found = list(client.pages("/rotations", over=None if all_ else "false"))
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False))
    else:
        rotate_output.print_rotations(found, Console())


@commands.command()
def approve(
    rotation: RotationArgument,
    *,
    reason: ReasonOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask after showing the plan.")] = False,
    json: JsonOption = False,
) -> None:
    """Show a rotation's plan, ask, and approve exactly that plan. Needs a password, not a token."""
    with _client() as client:
        found = client.get(f"/rotations/{rotation}")
        if not found["plan"]:
            raise PermanentError("This rotation has no plan yet; look at it again in a moment.")
        document, plan_hash = found["plan"], found["plan_hash"]
        if not yes:
            lines = rotate_output.plan_lines(document, plan_hash)
            rotate_output.print_lines(lines, Console(stderr=True))
            typer.confirm(f"{found['requested_by']} asks for it: approve it?", abort=True)
        _change(client, rotation, "approve", json=json, plan_hash=plan_hash, reason=reason)


@commands.command()
def reject(
    rotation: RotationArgument, *, reason: ReasonOption = "", json: JsonOption = False
) -> None:
    """Reject a rotation that waits for an approval."""
    with _client() as client:
        _change(client, rotation, "reject", json=json, reason=reason)


@commands.command()
def withdraw(
    rotation: RotationArgument, *, reason: ReasonOption = "", json: JsonOption = False
) -> None:
    """Take back a rotation of your own that has changed nothing yet."""
    with _client() as client:
        _change(client, rotation, "withdraw", json=json, reason=reason)


@commands.command()
def rollback(
    rotation: RotationArgument, *, reason: ReasonOption = "", json: JsonOption = False
) -> None:
    """Put the old credential back, while it has not been removed."""
    with _client() as client:
        _change(client, rotation, "roll-back", json=json, reason=reason)


@commands.command()
def pause(
    reason: Annotated[str, typer.Option(help="Whoever finds rotations paused reads it.")],
    subscription: SubscriptionOption = "",
    credential: CredentialOption = "",
    *,
    everything: EverythingOption = False,
    json: JsonOption = False,
) -> None:
    """Stop rotations from changing anything; whatever works goes on working."""
    _switch(subscription, credential, reason, everything=everything, paused=True, json=json)


@commands.command()
def resume(
    subscription: SubscriptionOption = "",
    credential: CredentialOption = "",
    reason: ReasonOption = "",
    *,
    everything: EverythingOption = False,
    json: JsonOption = False,
) -> None:
    """Let rotations go on. With --everything it needs a password, not a token."""
    _switch(subscription, credential, reason, everything=everything, paused=False, json=json)


def _switch(
    subscription: str, credential: str, reason: str, *, everything: bool, paused: bool, json: bool
) -> None:
    if sum(map(bool, (everything, subscription, credential))) != 1:
        raise SettingsError("Say one of --everything, --subscription and --credential.")
    body: dict[str, Any] = {"paused": paused, "reason": reason}
    with _client() as client:
        if everything:
            body["scope"] = "everything"
        elif subscription:
            body |= {"scope": "subscription", "target": subscription}
        else:
            found = rotate_through.credential_id(client, credential)
            body |= {"scope": "credential", "target": found}
        answer = client.put("/rotations/pauses", body)
    what = " ".join(filter(None, (answer["scope"], answer["target"])))
    _say(answer, f"Rotation of {what} is {'paused' if paused else 'resumed'}.", json=json)


def _watch(client: Client, rotation: str, longest: timedelta) -> dict[str, Any]:
    """Print each step as it comes, to standard error; return the rotation when it has ended."""
    console, told, last = Console(stderr=True), 0, {}
    for last in rotate_through.follow(client, rotation, longest):
        rotate_output.print_lines(map(rotate_output.step_line, last["steps"][told:]), console)
        told = len(last["steps"])
    return last


def _change(client: Client, rotation: str, how: str, *, json: bool, **body: str) -> None:
    answer = client.post(f"/rotations/{rotation}/{how}", dict(body))
    sentence = f"Asked for ({answer['change']}); see `certifyclouds rotate status {rotation}`."
    _say(answer, sentence, json=json)


def _say(answer: dict[str, Any], sentence: str, *, json: bool) -> None:
    typer.echo(json_.dumps(answer, ensure_ascii=False) if json else sentence)
