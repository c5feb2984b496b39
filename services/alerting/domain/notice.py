"""A notice: everything that an alert says when it is raised or escalated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alerting.domain.credential import Credential, fitting
from services.alerting.domain.ladder import severity_of
from services.alerting.domain.wording import Wording, expiring
from shared.events import CredentialRef
from shared.events.alerting import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What people are told. `next_step_at` is when they will be told again; None: never."""

    ref: CredentialRef
    expires_on: datetime
    step: int
    next_step_at: datetime | None
    severity: Severity
    wording: Wording


def compose(credential: Credential, step: int, *, now: datetime, steps: Sequence[int]) -> Notice:
    """Write the notice of a step.

    Raises `ValueError` for a credential that never ends; none reaches a step.
    """
    if credential.expires_on is None:
        raise ValueError("A credential that never ends has no steps.")
    rungs = fitting(credential, steps)
    later = max((one for one in rungs if one < step), default=None)
    return Notice(
        ref=credential.ref,
        expires_on=credential.expires_on,
        step=step,
        next_step_at=None if later is None else credential.expires_on - timedelta(days=later),
        severity=severity_of(step),
        wording=expiring(credential.ref, credential.expires_on, now),
    )
