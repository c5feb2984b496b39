"""One-time codes by time (RFC 6238), as authenticator apps show them."""

import hmac
from datetime import datetime
from typing import Final

import pyotp
from pyotp.totp import TOTP

ISSUER: Final = "CertifyClouds"
# RFC 6238, 5.2: at most one step for the time that a code is under way, and a clock that is off.
STEPS: Final = (0, -1, 1)


class TimedCodes:
    """Implements `ports.OneTimeCodes` with SHA-1, 30 seconds, 6 digits: what every app can do."""

    def new_secret(self) -> str:
        return pyotp.random_base32()

    def address(self, secret: str, username: str) -> str:
        return TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        device = TOTP(secret)
        step = device.timecode(at)
        fitting = (
            step + offset
            for offset in STEPS
            if hmac.compare_digest(device.generate_otp(step + offset), code)
        )
        return next(fitting, None)
