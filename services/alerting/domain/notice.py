"""A notice: everything that an alert says when it is raised or escalated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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


def compose(
    ref: CredentialRef, expires_on: datetime, step: int, *, now: datetime, steps: Sequence[int]
) -> Notice:
    """Write the notice of a step."""
    later = max((one for one in steps if one < step), default=None)
    return Notice(
        ref=ref,
        expires_on=expires_on,
        step=step,
        next_step_at=None if later is None else expires_on - timedelta(days=later),
        severity=severity_of(step),
        wording=expiring(ref, expires_on, now),
    )
