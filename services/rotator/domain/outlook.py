"""What comes next for a credential that is rotated: which policy decides, when, and what is wrong.

It is decided anew at every look from what there is, and kept for people only. So a restart, a
second replica or a changed policy needs no care: what is begun is begun once by its `trigger`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.rotator.domain.choice import Choice, choose
from services.rotator.domain.described import Described, facts_of
from services.rotator.domain.freeze import Freeze
from services.rotator.domain.instants import BEGINNING, earlier
from services.rotator.domain.policy import Policy, due_at, end_of
from services.rotator.domain.timing import Timeliness, Timing, timing_of
from services.rotator.domain.window import Times

NOT_LICENSED = (
    "It is due and not begun, because the licence does not include rotation by policies. Rotate it"
    " by hand, or renew the licence."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when until when a credential works, as far as that is known."""

    created_on: datetime | None
    expires_on: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a rotation by a policy ended that left the credential in use."""

    state: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A credential as it was found. `key_id` is the one in use, None if that is not known.

    `span` is None where nothing is known of that one. `rotating`: a rotation is under way.
    `ended` are the policies' rotations that left it in use, by what had caused them.
    """

    credential_id: UUID
    key_id: str | None
    described: Described
    span: Span | None
    rotating: bool = False
    ended: Mapping[str, Ended] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes next. `policy` is the one that decides (None: none does), for the `reason` given.

    `warning` says why nothing comes next (`timing` None), or what is wrong with when it comes.
    """

    policy: Policy | None
    reason: str
    ends_at: datetime | None = None
    timing: Timing | None = None
    warning: str | None = None
    begins: bool = False

    def is_told(self, now: datetime, notice: timedelta) -> bool:
        """Say whether people are told: of any trouble, and of what comes within `notice`."""
        if self.timing is None:
            return False
        if self.timing.timeliness is not Timeliness.IN_TIME:
            return True
        return not self.begins and self.timing.at - now <= notice


def trigger(policy: Policy, credential_id: UUID, key_id: str) -> str:
    """Return the cause of a rotation: a policy replaces the credential in use once."""
    return f"policy:{policy.id}:{credential_id}:{key_id}"


def look(
    looked: Looked,
    policies: Sequence[Policy],
    freezes: Sequence[Freeze],
    *,
    now: datetime,
    licensed: bool,
) -> Outlook:
    """Return what comes next; `begins` when it is a rotation, now."""
    choice = choose(policies, facts_of(looked.described))
    if choice.policy is None:
        return Outlook(policy=None, reason=choice.reason)
    if looked.rotating:
        return Outlook(policy=choice.policy, reason="A rotation is under way.")
    if why := _why_nothing(looked, choice.policy):
        return Outlook(policy=choice.policy, reason=choice.reason, warning=why)
    found = _timed(looked, choice, choice.policy, freezes, now)
    if not found.begins or licensed:
        return found
    return replace(found, begins=False, warning=NOT_LICENSED)


def _timed(
    looked: Looked, choice: Choice, policy: Policy, freezes: Sequence[Freeze], now: datetime
) -> Outlook:
    span = looked.span or Span(created_on=None, expires_on=None)
    known = {"created_on": span.created_on, "expires_on": span.expires_on}
    ends_at = end_of(policy, **known)
    due = due_at(policy, credential_id=looked.credential_id, **known)
    if ends_at is None or due is None:
        return Outlook(
            policy=policy,
            reason=choice.reason,
            warning="Neither when it was made nor when it ends is known, so nothing is due. Rotate"
            " it by hand once: from then on both are known.",
        )
    times = Times(windows=policy.windows, freezes=tuple(freezes))
    due = max(due, _half(span, policy, ends_at))
    timing = timing_of(times, due=due, ends_at=ends_at, overlap=policy.overlap, now=now)
    return Outlook(
        policy=policy,
        reason=choice.reason,
        ends_at=ends_at,
        timing=timing,
        warning=timing.warning,
        begins=timing.at <= now,
    )


def _half(span: Span, policy: Policy, ends_at: datetime) -> datetime:
    """Return until when a credential is not replaced at all: for the first half of its life.

    Where the tenant lets none live as long as the policy assumes, each new one would be due at
    once, for ever. The overlap still fits in.
    """
    if span.created_on is None or span.created_on >= ends_at:
        return BEGINNING
    half = span.created_on + (ends_at - span.created_on) / 2
    return min(half, earlier(ends_at, policy.overlap))


def _why_nothing(looked: Looked, policy: Policy) -> str | None:
    """Return why no rotation by this policy can be due, as a sentence, or None."""
    if looked.key_id is None:
        return "Which credential is in use is not known; rotate it by hand once."
    if looked.span is None:
        return (
            f"The inventory has no credential {looked.key_id} (any more), so nothing is due. Scan"
            " the directory; if it is gone, confirm again which credential is rotated."
        )
    ended = (looked.ended or {}).get(trigger(policy, looked.credential_id, looked.key_id))
    if ended is None:
        return None
    return (
        f"The policy's rotation of this credential ended in {ended.state}, and it is not begun by"
        f" itself again: clear the cause, then rotate it by hand. {ended.reason or ''}".strip()
    )
