"""Asking a vault about one item; every failure is an outcome of that item's details."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.scanner.domain.detail import Detail, Fact, Part, Question, Version
from services.scanner.domain.enrichment import Problem, questions
from services.scanner.domain.inventory import Item, ItemKind, VaultRef
from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee, detail_remedy
from services.scanner.ports import VaultDetails
from services.scanner.steps.read import outcome_of
from shared.clouds.deadline import deadline
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    Denial,
    FirewalledError,
    IdentityRefusedError,
    NotFoundError,
    UnresolvedError,
)
from shared.errors import TransientError
from shared.events.scanning import VaultOutcome
from shared.telemetry import get_logger

logger = get_logger(__name__)

# After so many items in a row that could not be read for now, the vault is left for the next scan.
GIVE_UP: Final = 3
_EVERYWHERE: Final = (FirewalledError, IdentityRefusedError, UnresolvedError)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one item told, from `began_at` on, and why not everything."""

    item: Item
    began_at: datetime
    detail: Detail
    problem: Problem | None = None


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks one vault. What it refused once for a kind of item is not asked for again."""

    vault: VaultRef
    details: VaultDetails
    assignee: Assignee = UNKNOWN_ASSIGNEE
    seconds: float = 180.0
    refused: dict[tuple[ItemKind, Question], Problem] = field(default_factory=dict)
    failures: int = 0

    @property
    def is_useless(self) -> bool:
        """Whether asking on would only cost time."""
        return self.failures >= GIVE_UP

    async def ask(self, item: Item, began_at: datetime) -> Reading:
        """Ask everything that is worth asking about an item. Raises nothing about this vault.

        A `TransientError` that is no cloud's (the budget's database is away) concerns all and is
        raised.
        """
        found, problem = _Answers(), self._known_refusal(item.kind)
        for question in questions(item.kind, self.refused.keys()):
            failed = await self._try(question, item, found)
            if failed is None:
                continue
            problem = problem or failed
            if not failed.settled or failed.outcome is VaultOutcome.NOT_FOUND:
                problem = failed
                break
        self._judge(problem)
        return Reading(item, began_at, Detail(versions=found.versions, parts=found.parts), problem)

    def _known_refusal(self, kind: ItemKind) -> Problem | None:
        refusals = (problem for (of, _), problem in self.refused.items() if of is kind)
        return next(refusals, None)

    def _judge(self, problem: Problem | None) -> None:
        if problem is None or problem.settled:
            self.failures = 0
        else:
            self.failures += GIVE_UP if problem.everywhere else 1

    async def _try(self, question: Question, item: Item, found: "_Answers") -> Problem | None:
        try:
            async with deadline(self.seconds):
                await found.take(question, item, self.details)
        except Exception as error:
            if isinstance(error, TransientError) and not isinstance(error, CloudError):
                raise
            problem = self._problem(error, item)
            if problem.outcome is VaultOutcome.DENIED and problem.settled:
                self.refused[item.kind, question] = problem
            return problem
        return None

    def _problem(self, error: Exception, item: Item) -> Problem:
        outcome = outcome_of(error)
        if not isinstance(error, CloudError | TimeoutError):
            logger.error("a detail could not be read", item=item.external_id, exc_info=error)
            reason = f"Reading it ended in an unforeseen error ({type(error).__name__})."
            return Problem(outcome=outcome, reason=reason)
        if isinstance(error, TimeoutError):
            reason = f"{self.vault.name} gave no complete answer in time."
            return Problem(outcome=outcome, reason=reason, settled=False)
        everywhere = isinstance(error, _EVERYWHERE) or _is_about_the_token(error)
        return Problem(
            outcome=outcome,
            reason=str(error),
            remedy=self._remedy(error),
            settled=not (everywhere or isinstance(error, TransientError)),
            everywhere=everywhere,
        )

    def _remedy(self, error: CloudError) -> str | None:
        if isinstance(error, AccessDeniedError) and not _is_about_the_token(error):
            by_role = self.vault.rbac if error.denial is Denial.UNKNOWN else None
            by_role = error.denial is Denial.ROLE if by_role is None else by_role
            return detail_remedy(self.vault, self.assignee, by_role=by_role)
        return error.remedy or None


@dataclass(slots=True)
class _Answers:
    """What was answered so far."""

    versions: tuple[Version, ...] | None = None
    parts: dict[Part, Fact | None] = field(default_factory=dict)

    async def take(self, question: Question, item: Item, details: VaultDetails) -> None:
        """Ask one question and keep its answer."""
        match question:
            case Question.VERSIONS:
                self.versions = await self._list_versions(item, details)
            case Question.KEY:
                self.parts[Part.KEY] = await details.key(item.name)
            case Question.ROTATION_POLICY:
                self.parts[Part.ROTATION_POLICY] = await details.rotation_policy(item.name)
            case Question.CERTIFICATE:
                certificate, policy = await details.certificate(item.name)
                self.parts |= {Part.CERTIFICATE: certificate, Part.POLICY: policy}
            case Question.PENDING:
                self.parts[Part.OPERATION] = await details.operation(item.name)

    async def _list_versions(self, item: Item, details: VaultDetails) -> tuple[Version, ...]:
        """List versions; a certificate that was never completed may have none to list."""
        try:
            listed = await details.versions(item.kind, item.name)
        except NotFoundError:
            if Part.CERTIFICATE in self.parts and self.parts[Part.CERTIFICATE] is None:
                return ()
            raise
        once = {version.id: version for version in listed}
        return tuple(once[version_id] for version_id in sorted(once))


def _is_about_the_token(error: CloudError) -> bool:
    return isinstance(error, AccessDeniedError) and error.denial is Denial.TOKEN
