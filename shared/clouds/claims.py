"""What an access token says, read on this machine only. The token goes nowhere."""

import base64
import binascii
from collections.abc import Mapping

import orjson

from shared.clouds.errors import UnexpectedAnswerError

Claims = Mapping[str, object]


def claims_of(token: str) -> Claims:
    """Return a token's claims. Its signature is the services' to check, not ours.

    Raises `UnexpectedAnswerError`, without a word of the token, when it cannot be read.
    """
    try:
        payload = token.split(".")[1]
        found = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        raise mute() from None
    if not isinstance(found, dict):
        raise mute()
    return found


def mute() -> UnexpectedAnswerError:
    """Return the error for a token that does not say what it has to."""
    return UnexpectedAnswerError(
        "The identity's token does not say whose it is.",
        remedy="Check that nothing between here and the identity endpoint changes answers.",
    )
