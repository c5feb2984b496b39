"""Listing who may do what, and recording it with the plan of a scan."""

from collections.abc import Sequence
from typing import Final

from services.scanner.domain.inventory import Subscription
from services.scanner.domain.remedy import Assignee, grant_reader
from services.scanner.ports import GrantListing, Grants
from services.scanner.steps.read import outcome_of
from services.scanner.store.grants import (
    Unlisted,
    list_listed_subscriptions,
    save_assignments,
    save_roles,
    save_unlisted,
)
from services.scanner.store.locks import lock_estate
from shared.clouds.errors import AccessDeniedError, CloudError
from shared.database import Connection
from shared.events.scanning import VaultOutcome
from shared.telemetry import get_logger

logger = get_logger(__name__)

_UNSEEN: Final = "The subscription cannot be seen any more."


async def list_grants(
    grants: Grants | None, subscription_ids: Sequence[str]
) -> GrantListing | None:
    """Return the grants of these subscriptions; what fails is that part's failure, never a scan's.

    None where nobody is there to ask.
    """
    if grants is None:
        return None
    try:
        return await grants.grants(subscription_ids)
    except CloudError as error:
        logger.warning("grants could not be listed", reason=str(error))
        return GrantListing(failures=dict.fromkeys(subscription_ids, error))


async def save_grants(
    conn: Connection, listed: GrantListing, visible: Sequence[Subscription], assignee: Assignee
) -> None:
    """Record a listing in the caller's transaction.

    What could not be listed stays as it was known, with the reason; the same goes for subscriptions
    that are no longer `visible`.
    """
    await lock_estate(conn)
    await save_roles(conn, listed.roles)
    await save_assignments(conn, listed.assignments)
    unlisted = [_unlisted(name, error, assignee) for name, error in listed.failures.items()]
    seen = {subscription.id for subscription in visible}
    gone = [name for name in await list_listed_subscriptions(conn) if name not in seen]
    await save_unlisted(conn, [*unlisted, *(_unseen(name, assignee) for name in gone)])


def _unlisted(subscription_id: str, error: CloudError, assignee: Assignee) -> Unlisted:
    denied = isinstance(error, AccessDeniedError)
    return Unlisted(
        subscription_id=subscription_id,
        outcome=outcome_of(error),
        reason=str(error),
        remedy=grant_reader(f"/subscriptions/{subscription_id}", assignee)
        if denied
        else error.remedy or None,
    )


def _unseen(subscription_id: str, assignee: Assignee) -> Unlisted:
    return Unlisted(
        subscription_id=subscription_id,
        outcome=VaultOutcome.DENIED,
        reason=_UNSEEN,
        remedy=grant_reader(f"/subscriptions/{subscription_id}", assignee),
    )
