"""The evaluation: everything for 30 days, then everything but new rotations and syncs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.events.licensing import LicenseState
from shared.features import Feature

EVALUATION: Final = timedelta(days=30)
BLOCKED_AFTERWARDS: Final = frozenset({Feature.ROTATION, Feature.SYNC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """When it began and ends, and the state that was announced last."""

    started_at: datetime
    ends_at: datetime
    announced: LicenseState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What is allowed now."""

    state: LicenseState
    features: tuple[Feature, ...]
    valid_until: datetime


def begin(now: datetime) -> Evaluation:
    """Start the evaluation."""
    return Evaluation(started_at=now, ends_at=now + EVALUATION)


def granted(evaluation: Evaluation, now: datetime) -> Grant:
    """Return what the evaluation allows; once over it stays over, whatever the clock says later."""
    over = evaluation.announced is LicenseState.RESTRICTED or now >= evaluation.ends_at
    return Grant(
        state=LicenseState.RESTRICTED if over else LicenseState.EVALUATION,
        features=tuple(one for one in Feature if not (over and one in BLOCKED_AFTERWARDS)),
        valid_until=evaluation.ends_at,
    )


def is_news(evaluation: Evaluation, grant: Grant) -> bool:
    """Return whether the others have not been told of this state."""
    return grant.state is not evaluation.announced
