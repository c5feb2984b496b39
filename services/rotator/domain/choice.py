"""Which policy decides about a credential when several mean it.

The rule: the policy with the lowest priority number whose selector applies, and of equal numbers
the first by name. Selectors are not compared by how specific they are; with patterns nobody could
tell. A disabled policy still holds what it means, so that switching it off never hands its
credentials to a broader one. Where it is not known whether a policy applies, none decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from services.rotator.domain.policy import Policy
from shared.selector import Facts, Selector, Verdict, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The policy that decides (None: nothing is rotated by itself), and why, as a sentence."""

    policy: Policy | None
    reason: str


def choose(policies: Iterable[Policy], facts: Facts) -> Choice:
    """Return the policy that decides about the credential with these facts."""
    for policy in sorted(policies, key=lambda one: (one.priority, one.name, one.id)):
        verdict = _selector(policy.selector).verdict(facts)
        if verdict is not Verdict.NO:
            return _chosen(policy, verdict)
    return Choice(policy=None, reason="No policy means this credential.")


def _chosen(policy: Policy, verdict: Verdict) -> Choice:
    if verdict is Verdict.UNKNOWN:
        return Choice(
            policy=None,
            reason=f"Whether the policy “{policy.name}” means this credential is not known, because"
            f" a fact that its selector asks for could not be read: {policy.selector}",
        )
    if not policy.enabled:
        return Choice(
            policy=None,
            reason=f"The policy “{policy.name}” means this credential and is disabled; enable it,"
            " or exclude the credential from it.",
        )
    return Choice(
        policy=policy,
        reason=f"The policy “{policy.name}” is the first, by priority, that means this credential.",
    )


@lru_cache(maxsize=512)
def _selector(text: str) -> Selector:
    return parse(text)
