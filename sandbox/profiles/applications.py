"""App registrations with client secrets and certificates."""

import base64
from typing import Final

from sandbox.certificates import build, thumbprint
from sandbox.estate.directory import Application, KeyCredential, PasswordCredential
from sandbox.estate.model import Estate
from sandbox.profiles import words
from sandbox.profiles.dice import DAY, Dice

_SECRET_NAMES: Final = ("prod", "ci", "rotated", "deploy", "backend", "temp", None)


def add_applications(estate: Estate, dice: Dice, now: int, total: int) -> None:
    """Add applications until the directory has so many, each with up to four credentials."""
    for number in range(total - len(estate.applications)):
        name = words.APPLICATIONS[number % len(words.APPLICATIONS)]
        if number >= len(words.APPLICATIONS):
            name = f"{name} {number // len(words.APPLICATIONS) + 1}"
        estate.applications.append(_application(dice, now, name, estate.organization))


def _application(dice: Dice, now: int, name: str, organization: str) -> Application:
    application = Application(
        object_id=dice.guid(),
        app_id=dice.guid(),
        display_name=f"{organization} {name}",
        created=now - dice.seconds(30, 1_800),
        principal_id=dice.guid(),
        owners=tuple(dice.some(words.OWNERS, dice.pick((0, 1, 1, 2)))),
    )
    for _ in range(dice.pick_weighted(((0, 2.0), (1, 5.0), (2, 3.0), (3, 1.0), (4, 0.6)))):
        if dice.chance(0.25):
            application.keys.append(key_credential(dice, now, name))
        else:
            application.passwords.append(password(dice, now))
    return application


def _span(dice: Dice, now: int) -> tuple[int, int]:
    """Return when a credential begins and ends: half a year, one year or two."""
    life = DAY * dice.pick((180, 365, 365, 730))
    begun = now - int(life * dice.share() * 1.1)
    return begun, begun + life


def password(dice: Dice, now: int) -> PasswordCredential:
    begun, end = _span(dice, now)
    return PasswordCredential(
        key_id=dice.guid(),
        display_name=dice.pick(_SECRET_NAMES),
        start=begun,
        end=end,
        text=dice.text(40),
    )


def key_credential(dice: Dice, now: int, name: str, *, as_base64: bool = False) -> KeyCredential:
    """Return a certificate credential.

    Its identifier is the thumbprint: in hexadecimal as the portal uploads it, or in base64 as
    older tools did.
    """
    begun, end = _span(dice, now)
    serial = int(dice.version_id(), 16) >> 1 or 1
    host = "".join(c for c in name.lower() if c.isascii() and c.isalnum())[:40] or "app"
    der = build(
        f"{host}.contoso.example",
        key_type="RSA-2048",
        not_before=begun,
        not_after=end,
        serial=serial,
    )
    identifier = thumbprint(der)
    if as_base64:
        identifier = base64.b64encode(bytes.fromhex(identifier)).decode()
    return KeyCredential(
        key_id=dice.guid(),
        display_name=f"CN={host}.contoso.example",
        start=begun,
        end=end,
        custom_key_identifier=identifier,
        key=der,
    )
