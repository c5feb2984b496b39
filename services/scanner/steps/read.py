"""Reading one source page by page, with every failure turned into that source's outcome."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.listing import Page
from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee, remedy
from services.scanner.ports import Directory, VaultReader
from shared.clouds.deadline import deadline
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    Denial,
    FirewalledError,
    IdentityRefusedError,
    NotFoundError,
    ThrottledError,
    TimedOutError,
    UnresolvedError,
)
from shared.errors import TransientError
from shared.events.scanning import VaultOutcome
from shared.telemetry import get_logger

logger = get_logger(__name__)

_OUTCOMES: Final[Mapping[type[Exception], VaultOutcome]] = {
    ThrottledError: VaultOutcome.THROTTLED,
    TimedOutError: VaultOutcome.TIMED_OUT,
    TimeoutError: VaultOutcome.TIMED_OUT,
    # The name of a deleted vault no longer resolves.
    UnresolvedError: VaultOutcome.NOT_FOUND,
    NotFoundError: VaultOutcome.NOT_FOUND,
    FirewalledError: VaultOutcome.FIREWALLED,
    AccessDeniedError: VaultOutcome.DENIED,
    IdentityRefusedError: VaultOutcome.DENIED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The clouds' lists and how to read them.

    `assignee` is whom the remedies' commands are for; `page_seconds` the longest wait for one page,
    retries included.
    """

    vaults: VaultReader
    directory: Directory
    assignee: Assignee = UNKNOWN_ASSIGNEE
    page_seconds: float = 180.0


class UnreadableError(Exception):
    """A source could not be read to its end: nothing may be concluded from what is absent."""

    def __init__(self, outcome: VaultOutcome, reason: str, remedy: str | None) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.remedy = remedy


async def read(readers: Readers, vault: VaultRef | None, name: str) -> AsyncGenerator[Page, None]:
    """Yield the pages of a vault, or of the directory for None. Raises `UnreadableError` only.

    Also for an error that nobody foresaw: one source's surprise must not end the others' scan. A
    `TransientError` that is no cloud's (the budget's database is away) concerns all and stays.
    """
    pages = readers.directory.listing() if vault is None else readers.vaults.items(vault)
    try:
        while True:
            try:
                async with deadline(readers.page_seconds):
                    page = await anext(pages)
            except StopAsyncIteration:
                return
            except TransientError as error:
                if not isinstance(error, CloudError):
                    raise
                raise unreadable(error, vault, name, readers.assignee) from error
            except Exception as error:
                raise unreadable(error, vault, name, readers.assignee) from error
            yield page
    finally:
        close = getattr(pages, "aclose", None)
        if close is not None:
            await close()


def outcome_of(error: Exception) -> VaultOutcome:
    """Return what an error means for the source, or the part of it, that was asked for."""
    return next(
        (found for kind, found in _OUTCOMES.items() if isinstance(error, kind)),
        VaultOutcome.FAILED,
    )


def unreadable(
    error: Exception, vault: VaultRef | None, name: str, assignee: Assignee
) -> UnreadableError:
    """Return what an error while reading a source, or an entry of its pages, came to."""
    outcome = outcome_of(error)
    if isinstance(error, CloudError):
        return UnreadableError(outcome, str(error), _remedy(error, outcome, vault, assignee))
    if outcome is VaultOutcome.TIMED_OUT:
        reason = f"{name} gave no complete page in time."
    else:
        reason = f"Reading {name} ended in an unforeseen error ({type(error).__name__})."
        logger.error("a source could not be read", source=name, exc_info=error)
    return UnreadableError(outcome, reason, remedy(outcome, vault, assignee))


def _remedy(
    error: CloudError, outcome: VaultOutcome, vault: VaultRef | None, assignee: Assignee
) -> str | None:
    """Prefer the sentence with the command; a refused token has another cause than a role."""
    if isinstance(error, IdentityRefusedError):
        return error.remedy or None
    if isinstance(error, AccessDeniedError):
        if error.denial is Denial.TOKEN:
            return error.remedy or None
        if vault is not None and error.denial is not Denial.UNKNOWN:
            vault = replace(vault, rbac=error.denial is Denial.ROLE)
    if outcome is VaultOutcome.FAILED and error.remedy:
        return error.remedy
    return remedy(outcome, vault, assignee)
