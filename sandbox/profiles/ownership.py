"""Which applications the identity that rotates owns: it may change those and no others.

Thrown with dice of its own after everything else, so that no other throw shifts.
"""

from typing import Final

from sandbox.estate.directory import PERSONAL
from sandbox.estate.model import Estate
from sandbox.profiles.dice import Dice

_OWNED: Final = 6


def own(estate: Estate) -> Estate:
    """Let `rotate` own some applications with a client secret, and let those and ours sign in.

    None is among them to which personal accounts may sign in: it may not have a third secret.
    """
    dice = Dice(f"{estate.profile}:{estate.seed}:ownership")
    ours = {each.client_id for each in estate.principals.values()}
    owner = (estate.principals["rotate"].object_id,)
    rotated = [
        each
        for each in estate.applications
        if each.passwords and each.app_id not in ours and each.audience != PERSONAL
    ]
    chosen = dice.some(rotated, _OWNED)
    for application in chosen:
        application.owner_principals += owner
    usable = ours | {each.app_id for each in chosen}
    for principal in estate.service_principals:
        principal.enabled |= principal.app_id in usable
    return estate
