"""A published rotation is looked at at once: a scan of its one vault."""

from uuid import uuid4

import pytest

from services.scanner.domain.inventory import ItemKind
from shared.errors import PermanentError
from shared.events import CredentialRef, RotationPublished, ScanCompleted
from tests.support.scanner import NOW, Rig, a_credential, a_message, a_vault, an_item


def published(item_id: int) -> RotationPublished:
    credential = CredentialRef(item_id=item_id, kind=ItemKind.SECRET, name="a", container="kv-pay")
    return RotationPublished(
        rotation_id=uuid4(), credential=credential, version="2", overlap_ends_at=NOW
    )


async def test_a_published_rotation_scans_its_vault_alone_and_once(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    rig.cloud.put(a_vault("kv-other"), an_item("b"))
    await rig.scan()
    item_id = await rig.pool.fetchval("SELECT id FROM scanner.v_item WHERE name = 'a'")
    rig.cloud.of("kv-pay")[0] = an_item("a", version="2")
    rig.cloud.reads.clear()
    event, message = published(item_id), a_message(RotationPublished)

    for _ in range(3):
        await rig.rotated(event, message)
    for shard in await rig.shards(message.id):
        await rig.deliver(*shard)

    assert rig.cloud.reads == ["kv-pay"]
    assert [entry["what"] for entry in await rig.feed()][-1] == "changed"
    assert (await rig.scan_row(message.id))["requested_by"] == f"rotation {event.rotation_id}"
    assert (await rig.outbox.sent(ScanCompleted))[-1].scan_id == message.id


async def test_a_rotated_application_credential_looks_at_the_directory(rig: Rig) -> None:
    rig.cloud.credentials_seen = [a_credential("k")]
    await rig.scan()
    item_id = await rig.pool.fetchval("SELECT id FROM scanner.v_item")
    rig.cloud.reads.clear()
    message = a_message(RotationPublished)

    await rig.rotated(published(item_id), message)
    for shard in await rig.shards(message.id):
        await rig.deliver(*shard)

    assert rig.cloud.reads == ["directory"]


async def test_a_rotation_of_something_unknown_is_refused_with_a_sentence(rig: Rig) -> None:
    with pytest.raises(PermanentError, match="request a full scan"):
        await rig.rotated(published(404))
