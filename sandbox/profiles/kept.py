"""Where the passwords of the applications that we rotate are kept: secrets in vaults.

One application's password is kept in two vaults; one application cannot sign in, because its
service principal is disabled. Thrown with dice of its own after everything else.
"""

from collections.abc import Sequence
from typing import Final

from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.directory import Application, PasswordCredential
from sandbox.estate.model import Estate, Vault
from sandbox.profiles.dice import DAY, Dice
from sandbox.profiles.tenant import group_scope

_COPIES: Final = (2, 1, 1)
_CANNOT_SIGN_IN: Final = 2
_LEAST_LEFT: Final = 20 * DAY
_LONGEST_NAME: Final = 60


def keep(estate: Estate) -> Estate:
    """Put the password of each application that we own into one or more vaults."""
    dice = Dice(f"{estate.profile}:{estate.seed}:kept")
    vaults = _vaults(estate)
    for number, application in enumerate(_owned(estate)):
        password = _password(application, estate.made_at)
        copies = _COPIES[number] if number < len(_COPIES) else 1
        for vault in dice.some(vaults, copies):
            _put(dice, vault, application, password)
        if number == _CANNOT_SIGN_IN:
            _disable(estate, application)
    return estate


def _owned(estate: Estate) -> list[Application]:
    owner = estate.principals["rotate"].object_id
    owned = [each for each in estate.applications if owner in each.owner_principals]
    return sorted(owned, key=lambda each: each.display_name)


def _vaults(estate: Estate) -> Sequence[Vault]:
    """Return the vaults into which we may write."""
    ours = estate.principals["rotate"].object_id
    scopes = {each.scope for each in estate.assignments if each.object_id == ours}
    return [
        vault
        for vault in estate.vaults.values()
        if vault.rbac and vault.firewall == "open" and group_scope(vault) in scopes
    ]


def _password(application: Application, now: int) -> PasswordCredential:
    """Return the password that ends last, as one that is still good for a while."""
    password = max(application.passwords, key=lambda each: each.end)
    password.end = max(password.end, now + _LEAST_LEFT)
    return password


def _put(dice: Dice, vault: Vault, application: Application, password: PasswordCredential) -> None:
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in application.display_name)
    name = f"{'-'.join(filter(None, words.lower().split('-')))[:_LONGEST_NAME]}-client-secret"
    draft = Draft(
        id=dice.version_id(),
        expires=password.end,
        tags={
            "CredentialId": password.key_id,
            "ProviderAddress": application.object_id,
            "team": vault.tags.get("team", "platform"),
        },
        content_type="text/plain",
        value=password.text,
    )
    changes.put(vault, "secrets", name, draft, password.start)


def _disable(estate: Estate, application: Application) -> None:
    for principal in estate.service_principals:
        if principal.app_id == application.app_id:
            principal.enabled = False
