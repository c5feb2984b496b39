"""The syncer of this release: it listens, and refuses to copy."""

from uuid import uuid4

import pytest

from services.syncer import handlers
from shared.errors import PermanentError
from shared.events import SyncRequested, VaultScanned
from shared.events.scanning import VaultOutcome
from tests.support.alerting import message_of
from tests.support.database import Database


async def test_what_it_hears_is_recorded_once(database: Database) -> None:
    event = VaultScanned(scan_id=uuid4(), vault_id=1, vault_name="v", outcome=VaultOutcome.OK)
    message = message_of(event, service="syncer")
    async with database.pool("syncer") as pool:
        await handlers.on_seen(event, message, pool=pool)
        await handlers.on_seen(event, message, pool=pool)

        assert await pool.fetchval("SELECT count(*) FROM syncer.inbox") == 1


async def test_a_copy_is_refused_with_a_sentence() -> None:
    event = SyncRequested(mapping_id=uuid4(), requested_by="ada")

    with pytest.raises(PermanentError, match=r"does not copy .* Nothing was read or written"):
        await handlers.on_sync_requested(event, message_of(event, service="syncer"))
