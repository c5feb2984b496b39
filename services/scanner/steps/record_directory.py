"""Writing what a look at the directory found of applications and service principals."""

from collections.abc import Sequence
from uuid import UUID

from services.scanner.domain.directory import DirectoryObject, compare, keep_known
from services.scanner.store import directory
from shared.database import Connection


async def record_objects(
    conn: Connection, scan_id: UUID, vault_id: int, found: Sequence[DirectoryObject]
) -> None:
    """Write what differs from what is known, in the transaction of the listing's items.

    `found` is a COMPLETE listing: what it does not have is gone.
    """
    known = await directory.list_known_objects(conn, vault_id)
    changes, differing = [], []
    for listed in found:
        before = known.get(listed.object_id)
        now = keep_known(before.found if before else None, listed)
        change = compare(
            before.found if before else None, now, was_gone=before.gone if before else False
        )
        if change is not None:
            changes.append(change)
        if before is None or before.gone or before.found != now:
            differing.append(now)
    await directory.merge_objects(conn, vault_id, differing)
    await directory.add_object_changes(conn, scan_id, vault_id, changes)
    present = [one.object_id for one in found]
    await directory.remove_absent_objects(conn, scan_id, vault_id, present)
